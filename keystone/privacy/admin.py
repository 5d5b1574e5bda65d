"""A user's personal data in the admin: export it, or erase the person."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from unfold.widgets import UnfoldAdminEmailInputWidget

from keystone.accounts.authority import refusal_to_touch
from keystone.accounts.models import User
from keystone.accounts.selection import person_or_404
from keystone.admin.guards import acting
from keystone.exceptions import Refusal
from keystone.personal_data import PARTS
from keystone.privacy.erasing import RolesFirst, confirm_address, erase_person
from keystone.privacy.exporting import download, export_person
from keystone.sign_in.forms import RefusableForm

if TYPE_CHECKING:
    from keystone.admin.model_admin import KeystoneModelAdmin as Base
else:
    Base = object

EXPORT, ERASE = "keystone.export_user", "keystone.erase_user"


class EraseForm(RefusableForm):
    """A form for typing the user's email address, because erasing cannot be undone."""

    email = forms.CharField(label=_("Email address of the account"), widget=UnfoldAdminEmailInputWidget())

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_email(self) -> str:
        """Check that the email address is that of this account."""
        typed: str = self.cleaned_data["email"]
        self.ask(lambda: confirm_address(self.user, typed), "email")
        return typed


class PersonalDataMixin(Base):
    """A mixin that adds the page of a user's personal data."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.personal_data_view)
        return [path("<path:object_id>/personal-data/", view, name="keystone_user_personal_data"), *super().get_urls()]

    def personal_data_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """Show what data there is. POST exports it as a file, or erases the user."""
        may_export, may_erase = (request.user.has_perm(permission) for permission in (EXPORT, ERASE))
        if not self.has_view_permission(request) or not (may_export or may_erase):
            raise PermissionDenied
        user = person_or_404(object_id)
        if "export" in request.POST:
            return self._export(request, user, allowed=may_export)
        form = EraseForm(request.POST or None, user=user)
        if request.method == "POST":
            if not may_erase:
                raise PermissionDenied
            if form.is_valid() and self._erase(request, user):
                return HttpResponseRedirect(self.page_url(request, "change", user.pk))
        return self._personal_data_page(request, user, form, may_export=may_export, may_erase=may_erase)

    def _personal_data_page(
        self, request: HttpRequest, user: User, form: EraseForm, *, may_export: bool, may_erase: bool
    ) -> HttpResponse:
        refusal = refusal_to_touch(user, by=acting(request))
        if refusal is None and (user.is_staff or user.is_superuser):
            refusal = RolesFirst()
        context = {
            "original": user,
            "title": user.get_full_name(),
            "tabs": self.tabs(request, user, "personal_data"),  # type: ignore[attr-defined]  # of PersonPagesMixin
            "rows": (),
            "parts": [part.label for part in sorted(PARTS.values(), key=lambda part: part.name)],
            "form": form,
            "may_export": may_export and refusal_to_touch(user, by=acting(request), own=True) is None,
            "may_erase": may_erase,
            "not_erased": refusal.detail if refusal is not None else "",
            "media": self.media + form.media,
        }
        return self.render_page(request, "keystone/admin/person_personal_data.html", context)

    def _export(self, request: HttpRequest, user: User, *, allowed: bool) -> HttpResponseBase:
        if not allowed:
            raise PermissionDenied
        try:
            file = export_person(user, by=acting(request, EXPORT))
        except Refusal as refusal:
            messages.error(request, refusal.detail)
            return HttpResponseRedirect(request.get_full_path())
        return download(user, file)

    def _erase(self, request: HttpRequest, user: User) -> bool:
        try:
            erase_person(user, by=acting(request, ERASE))
        except Refusal as refusal:
            messages.error(request, refusal.detail)
            return False
        messages.success(request, _("The person has been erased. The history is kept under a pseudonym."))
        return True
