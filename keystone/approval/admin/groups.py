"""The admin of groups. The permission lets staff view them; only superusers change them."""

from typing import Any

from django.contrib import admin
from django.contrib.auth import admin as _django_admin  # noqa: F401 - registers its own first
from django.contrib.auth.models import Group
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from keystone.accounts.grants import group_state, record_group
from keystone.accounts.names import composed
from keystone.accounts.permission_words import in_groups
from keystone.admin.guards import acting
from keystone.admin.model_admin import KeystoneModelAdmin
from keystone.approval.admin.permissions import GroupForm
from keystone.text import EMPTY


class GroupAdmin(KeystoneModelAdmin):
    """The admin of groups. Only superusers change them: anybody else could grant themselves every permission."""

    form = GroupForm
    list_display = ("name", "members", "permission_count")
    readonly_fields = ("allowed_in_words",)
    search_fields = ("name",)
    ordering = ("name",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search by part of the name, in any Unicode form."""
        return super().get_search_results(request, queryset, composed(search_term))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the groups with their numbers of people and permissions."""
        counts = {"people": Count("user", distinct=True), "allowed": Count("permissions", distinct=True)}
        groups: QuerySet[Any] = super().get_queryset(request).annotate(**counts)
        return groups

    @display(description=_("people"))
    def members(self, group: Any) -> int:
        return int(group.people)

    @display(description=_("permissions"))
    def permission_count(self, group: Any) -> int:
        return int(group.allowed)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Return the name and the permissions, as boxes or in words."""
        return ("name", "permissions" if self.has_change_permission(request, obj) else "allowed_in_words")

    @display(description=_("permissions"))
    def allowed_in_words(self, group: Any) -> SafeString | str:
        rows = in_groups(group.permissions.select_related("content_type"))
        lines = ((subject, ", ".join(str(words.title) for _permission, words in held)) for subject, held in rows)
        return format_html_join("", "<p><b>{}</b>: {}</p>", lines) or EMPTY

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:  # noqa: FBT001 - Django's
        """Save the permissions and record what changed. Django has a transaction open."""
        before = (
            {"name": form.initial["name"], "permissions": group_state(form.instance)["permissions"]} if change else {}
        )
        super().save_related(request, form, formsets, change)
        by = acting(request)
        action = "group.changed" if change else "group.created"
        record_group(action, form.instance, by=by, before=before, after=group_state(form.instance))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Delete a group and record it."""
        by = acting(request)
        record_group("group.deleted", obj, by=by, before=group_state(obj), after={})
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Delete several groups and record each."""
        for group in queryset:
            self.delete_model(request, group)


admin.site.unregister(Group)
admin.site.register(Group, GroupAdmin)
