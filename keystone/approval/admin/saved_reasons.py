"""The admin of saved reasons. Each change is audited."""

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from keystone.admin.guards import acting
from keystone.admin.model_admin import KeystoneModelAdmin
from keystone.approval.saved_reasons import SavedReason
from keystone.audit.log import event, record

FIELDS = ("occasion", "title", "text")


@admin.register(SavedReason)
class SavedReasonAdmin(KeystoneModelAdmin):
    """The admin of saved reasons. The model's permissions let staff add, change and delete them."""

    list_display = ("title", "occasion", "text")
    list_filter = ("occasion",)
    search_fields = ("title", "text")
    fields = FIELDS

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return whether the viewer has the model's permission. That is enough: nothing refers to a saved reason."""
        return request.user.has_perm("keystone.delete_savedreason")

    def save_model(self, request: HttpRequest, obj: SavedReason, form: Any, change: bool) -> None:  # noqa: FBT001 - Django's
        """Save the reason and record what changed. Django has a transaction open."""
        super().save_model(request, obj, form, change)
        changes = {name: [form.initial.get(name) if change else None, getattr(obj, name)] for name in form.changed_data}
        by = acting(request)
        if change and changes:
            record([event("saved_reason.changed", obj, by=by, changes=changes)])
        elif changes:
            record([event("saved_reason.created", obj, by=by, changes=changes)])

    def delete_model(self, request: HttpRequest, obj: SavedReason) -> None:
        """Delete the reason and record its text."""
        changes = {name: [getattr(obj, name), None] for name in FIELDS}
        record([event("saved_reason.deleted", obj, by=acting(request), changes=changes)])
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[SavedReason]) -> None:
        """Delete several reasons and record each."""
        for reason in queryset:
            self.delete_model(request, reason)
