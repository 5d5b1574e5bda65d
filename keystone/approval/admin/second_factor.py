"""The second factor on a person's page: its state, and removing it as a superuser."""

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from keystone.accounts.authority import refusal_to_touch
from keystone.accounts.models import User
from keystone.accounts.selection import person_or_404
from keystone.admin.cells import in_full
from keystone.admin.guards import acting
from keystone.exceptions import Refusal
from keystone.sign_in.in_browser import SETUP
from keystone.two_factor.enrolment import is_required_of, remove
from keystone.two_factor.verification import has_second_factor, second_factor_of

if TYPE_CHECKING:
    from keystone.admin.model_admin import KeystoneModelAdmin as Base
else:
    Base = object


class SecondFactorMixin(Base):
    """Mixin that adds the state, and the page where a superuser removes a second factor that was lost."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.second_factor_view)
        return [path("<path:object_id>/two-factor/", view, name="keystone_user_second_factor"), *super().get_urls()]

    @display(description=gettext_lazy("two-factor sign-in"))
    def second_factor(self, user: User) -> str:
        """Return since when the person has had it, and when they last used it."""
        factor = second_factor_of(user)
        if factor is None:
            return _("required, not set up yet") if is_required_of(user) else _("not set up")
        return _("since %(begin)s, last used %(use)s") % {
            "begin": in_full(factor.confirmed_at),
            "use": in_full(factor.last_used_at),
        }

    def removes_second_factor(self, request: HttpRequest, user: User) -> bool:
        """Return whether there is a second factor that the viewer may remove."""
        may = request.user.is_superuser and refusal_to_touch(user, by=acting(request)) is None
        return may and has_second_factor(user)

    def second_factor_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask on GET; remove the second factor on POST."""
        if not request.user.is_superuser:
            raise PermissionDenied
        user = person_or_404(object_id)
        by = acting(request)
        if refusal_to_touch(user, by=by) is not None:  # their own: another page asks for a code
            return HttpResponseRedirect(reverse(SETUP))
        back = self.page_url(request, "change", user.pk)
        factor = second_factor_of(user)
        if factor is None or request.method == "POST":
            self._remove(request, user)  # which reports if there is none any more
            return HttpResponseRedirect(back)
        context: dict[str, Any] = {
            "original": user,
            "title": _("Remove two-factor sign-in of %(name)s?") % {"name": user.get_full_name()},
            "factor": factor,
            "required": is_required_of(user),
            "back": back,
        }
        return self.render_page(request, "keystone/admin/person_second_factor.html", context)

    def _remove(self, request: HttpRequest, user: User) -> None:
        try:
            was_set_up = remove(user, by=acting(request))
        except Refusal as refusal:
            messages.warning(request, refusal.detail)
        else:
            if was_set_up:
                messages.success(
                    request, _("Two-factor sign-in has been removed, and the person is notified by email.")
                )
            else:
                messages.success(request, _("An unfinished set-up has been cancelled."))
