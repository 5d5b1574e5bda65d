"""Passwords in the admin: a superuser sets somebody else's, everybody changes their own."""

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.admin.sites import AdminSite
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.views import PasswordChangeView
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse, reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from unfold.forms import AdminOwnPasswordChangeForm

from keystone.accounts.admin.forms import PasswordForm
from keystone.accounts.admin.selection import person_or_404
from keystone.accounts.authority import refusal_to_touch
from keystone.accounts.passwords import set_password
from keystone.audit.actor import Actor
from keystone.model_admin import acting

if TYPE_CHECKING:
    from keystone.model_admin import KeystoneModelAdmin as Base
else:
    Base = object


class PasswordMixin(Base):
    """Adds the page on which a superuser gives somebody a new password."""

    def get_urls(self) -> list[URLPattern]:
        """The page's address."""
        view = self.admin_site.admin_view(self.password_view)
        return [path("<path:object_id>/password/", view, name="keystone_user_password"), *super().get_urls()]

    @method_decorator(sensitive_post_parameters())
    def password_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for the new password, then set it."""
        if not request.user.is_superuser:
            raise PermissionDenied
        user = person_or_404(object_id)
        by = acting(request)
        if refusal_to_touch(user, by=by) is not None:  # their own: the old one is asked for on another page
            return HttpResponseRedirect(reverse("admin:password_change"))
        form = PasswordForm(request.POST or None, user=user)
        back = reverse("admin:keystone_user_change", args=[user.pk])
        if request.method == "POST" and form.is_valid():
            set_password(user, password=form.cleaned_data["password2"], by=by)
            messages.success(request, _("The password is set, and the person's sessions have ended."))
            return HttpResponseRedirect(back)
        context = {
            "original": user,
            "title": _("Set a password for %(name)s") % {"name": user.get_full_name()},
            "form": form,
            "back": back,
            "media": self.media + form.media,
        }
        return self.render_page(request, "keystone/admin/password.html", context)


class OwnPasswordView(PasswordChangeView):
    """One's own password, with the old one; other sessions end, the one in this browser stays."""

    admin_site: AdminSite | None = None
    form_class = AdminOwnPasswordChangeForm
    template_name = "registration/password_change_form.html"
    success_url = reverse_lazy("admin:password_change_done")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """What every page of the admin has."""
        assert self.admin_site is not None  # noqa: S101 - unfold gives it
        return {**self.admin_site.each_context(self.request), **super().get_context_data(**kwargs)}

    def form_valid(self, form: Any) -> HttpResponse:
        """Set it as every change of a password is set."""
        user: Any = self.request.user
        set_password(user, password=form.cleaned_data["new_password1"], by=Actor.person(user))
        update_session_auth_hash(self.request, user)
        return HttpResponseRedirect(str(self.get_success_url()))
