"""The base class that every registered admin class gets, including those of projects and packages."""

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.contrib.admin import action
from django.contrib.admin.actions import delete_selected
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse

from keystone.actors.acting import lock_actor
from keystone.actors.actor import Actor
from keystone.admin.edit_forms import edit_form

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

    Base = ModelAdmin[Any]
else:
    Base = object
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


def acting(request: HttpRequest, permission: str = "") -> Actor:
    """Return the user of the admin as an actor.

    Args:
        permission: the permission they act by; it is checked again inside the transaction.
    """
    user: Any = request.user  # admin_view() rejects anonymous users
    return Actor.administrator(user, permission=permission)


class ActingAdmin(Base):
    """Checks the user's rights again inside the transaction, and prevents forms from overwriting others' changes.

    Django's `LogEntry` is not written: it would keep names that an erasure doesn't reach. The audit log replaces it.
    """

    def lock_for_edit(self, request: HttpRequest, object_id: str | None) -> None:
        """Lock the acting account and the row, before Django reads the row and checks the permission.

        Raises:
            AccessEnded, PermissionLost: the user may not act any more.
        """
        lock_actor(acting(request))
        if object_id is not None:
            key = unquote(object_id)
            try:
                self.model._base_manager.select_for_update(no_key=True).filter(pk=key).first()
            except (ValidationError, ValueError):
                return  # Django reports that there is no such row

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Take the locks before a save."""
        if request.method in SAFE_METHODS:
            return super().changeform_view(request, object_id, form_url, extra_context)
        with transaction.atomic():
            self.lock_for_edit(request, object_id)
            return super().changeform_view(request, object_id, form_url, extra_context)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Take the locks before a deletion."""
        if request.method in SAFE_METHODS:
            return super().delete_view(request, object_id, extra_context)
        with transaction.atomic():
            self.lock_for_edit(request, object_id)
            return super().delete_view(request, object_id, extra_context)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Lock the acting account before rows edited in the list are saved."""
        if request.method in SAFE_METHODS or "_save" not in request.POST:
            return super().changelist_view(request, extra_context)
        with transaction.atomic():
            lock_actor(acting(request))
            return super().changelist_view(request, extra_context)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002 - Django's
        """Return the form. The form of an existing row saves only changed fields."""
        form: Any = super().get_form(request, obj, change, **kwargs)
        return edit_form(form) if change else form

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> Any:
        """Return the form for rows edited in the list. It saves only changed fields."""
        return edit_form(super().get_changelist_form(request, **kwargs))

    def _get_list_editable_queryset(self, request: HttpRequest, prefix: str) -> QuerySet[Any]:
        """Return the rows edited in the list, locked before they are read."""
        rows: QuerySet[Any] = super()._get_list_editable_queryset(request, prefix)
        locked = self.model._base_manager.select_for_update(no_key=True).order_by("pk")
        list(locked.filter(pk__in=rows.order_by().values("pk")).values_list("pk"))
        return rows

    def get_formsets_with_inlines(self, request: HttpRequest, obj: Any = None) -> Iterator[Any]:
        """Yield the formsets and inlines. Their forms save only changed fields."""
        for formset, inline in super().get_formsets_with_inlines(request, obj):
            formset.form = edit_form(formset.form)
            yield formset, inline

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> None:  # type: ignore[override]  # no entry
        """Do nothing: Django's `LogEntry` is not used."""

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> None:  # type: ignore[override]  # no entry
        """Do nothing: Django's `LogEntry` is not used."""

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        """Do nothing: Django's `LogEntry` is not used."""
        return []


@action(permissions=["delete"], description=delete_selected.short_description)  # type: ignore[attr-defined]  # Django's decorator set it
def delete_selected_rows(model_admin: Any, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
    """Delete the selected rows with Django's action, after checking the user's rights again."""
    if "post" not in request.POST:
        return delete_selected(model_admin, request, queryset)  # the confirmation page
    with transaction.atomic():
        lock_actor(acting(request))
        if not model_admin.has_delete_permission(request):
            raise PermissionDenied
        return delete_selected(model_admin, request, queryset)


@lru_cache
def acting_admin(admin_class: type[Any]) -> type[Any]:
    """Return the admin class, with `ActingAdmin` as its first base unless it is a subclass already."""
    if issubclass(admin_class, ActingAdmin):
        return admin_class
    return type(admin_class.__name__, (ActingAdmin, admin_class), {"__module__": admin_class.__module__})
