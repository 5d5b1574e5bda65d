"""Passwords in the admin: superusers set others', everybody changes their own."""

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.admin.sites import AdminSite
from django.contrib.auth.views import PasswordChangeView
from django.core.exceptions import PermissionDenied
from django.core.validators import MaxLengthValidator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse, reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from unfold.forms import AdminOwnPasswordChangeForm

from keystone.accounts.authority import refusal_to_touch
from keystone.accounts.backends import confirm_password
from keystone.accounts.passwords import PasswordUnchanged, set_password
from keystone.accounts.selection import person_or_404
from keystone.actors.actor import Actor
from keystone.admin.guards import acting
from keystone.approval.admin.forms import PasswordForm
from keystone.passwords.rules import MAX_PASSWORD_LENGTH
from keystone.sessions.browser_sessions import continue_browser_session
from keystone.sign_in.forms import RefusableForm
from keystone.throttling.limits import count_change

if TYPE_CHECKING:
    from keystone.admin.model_admin import KeystoneModelAdmin as Base
else:
    Base = object


class PasswordMixin(Base):
    """Mixin that adds the page where a superuser sets another person's password."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.password_view)
        return [path("<path:object_id>/password/", view, name="keystone_user_password"), *super().get_urls()]

    @method_decorator(sensitive_post_parameters())
    def password_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for the new password on GET; set it on POST."""
        if not request.user.is_superuser:
            raise PermissionDenied
        user = person_or_404(object_id)
        by = acting(request)
        if refusal_to_touch(user, by=by) is not None:  # their own: another page asks for the old one
            return HttpResponseRedirect(reverse("admin:password_change"))
        form = PasswordForm(request.POST or None, user=user)
        back = self.page_url(request, "change", user.pk)
        if request.method == "POST" and form.is_valid():
            set_password(user, password=form.cleaned_data["password2"], by=by)
            messages.success(request, _("The password has been set, and the person's sessions have been revoked."))
            return HttpResponseRedirect(back)
        context = {
            "original": user,
            "title": _("Set a password for %(name)s") % {"name": user.get_full_name()},
            "form": form,
            "back": back,
            "media": self.media + form.media,
        }
        return self.render_page(request, "keystone/admin/password.html", context)


class OwnPasswordForm(RefusableForm, AdminOwnPasswordChangeForm):
    """The old password, which is counted and checked like a sign-in, and the new one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["old_password"].validators.append(MaxLengthValidator(MAX_PASSWORD_LENGTH))

    def clean_old_password(self) -> str:
        """Check the person's current password."""
        given: str = self.cleaned_data["old_password"]
        self.ask(lambda: confirm_password(self.user, given), "old_password")
        return given

    def clean(self) -> dict[str, Any] | None:
        """Refuse the old password as the new one."""
        cleaned = super().clean()
        if not self.errors and self.cleaned_data["new_password1"] == self.cleaned_data["old_password"]:
            self.add_error("new_password2", PasswordUnchanged().fields["new_password"][0])
        return cleaned


class OwnPasswordView(PasswordChangeView):
    """Change of one's own password. Other sessions end; the one in this browser continues."""

    admin_site: AdminSite | None = None
    form_class = OwnPasswordForm
    template_name = "registration/password_change_form.html"
    success_url = reverse_lazy("admin:password_change_done")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the context that every page of the admin has."""
        assert self.admin_site is not None  # noqa: S101 - unfold gives it
        return {**self.admin_site.each_context(self.request), **super().get_context_data(**kwargs)}

    def form_invalid(self, form: Any) -> HttpResponse:
        """Show the page again with the errors. If a limit is reached, use its status and headers."""
        response = self.render_to_response(self.get_context_data(form=form), status=form.answer["status"])
        for name, value in form.answer["headers"].items():
            response.headers[name] = value
        return response

    def form_valid(self, form: Any) -> HttpResponse:
        """Set the password and continue the session in this browser."""
        user: Any = self.request.user
        count_change(address=user.email)
        set_password(user, password=form.cleaned_data["new_password1"], by=Actor.person(user))
        continue_browser_session(self.request, user)
        return HttpResponseRedirect(str(self.get_success_url()))
