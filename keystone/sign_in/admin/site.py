"""The admin site: who may enter, and by which pages they sign in."""

from collections.abc import Callable
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from keystone.admin.guards import acting_admin, delete_selected_rows
from keystone.sign_in.admin.own_second_factor import OwnSecondFactorPages
from keystone.sign_in.admin.sign_in import AdminCodeView, AdminSignInView
from keystone.sign_in.in_browser import SETUP
from keystone.sign_in.session_state import SessionState, session_state_of

if TYPE_CHECKING:
    UnfoldAdminSite = admin.AdminSite
else:
    from unfold.sites import UnfoldAdminSite

View = Callable[..., HttpResponseBase]


class KeystoneAdminSite(UnfoldAdminSite):
    """unfold's admin site, for staff who have passed their second factor if they have one or must have one.

    Attributes:
        sign_in_view, code_view: the two steps of signing in. Django's own `login_form` is not used.
    """

    sign_in_view: type[AdminSignInView] = AdminSignInView
    code_view: type[AdminCodeView] = AdminCodeView

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self.add_action(delete_selected_rows, "delete_selected")

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Register models. Whatever their admin class, saving checks the acting user again and writes no `LogEntry`."""
        super().register(model_or_iterable, acting_admin(admin_class or admin.ModelAdmin), **options)

    def admits(self, request: HttpRequest) -> bool:
        """Return whether the user is active staff, regardless of the second factor."""
        return bool(super().has_permission(request))

    def has_permission(self, request: HttpRequest) -> bool:
        """Return whether the user is active staff, and the session has passed the second factor or need not."""
        return self.admits(request) and session_state_of(request).is_enough

    def admin_view[V: View](self, view: V, cacheable: bool = False) -> V:  # noqa: FBT001, FBT002 - Django's
        """Redirect staff who must first give a code or set up a second factor, whichever page they requested."""
        inner = super().admin_view(view, cacheable)

        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not self.admits(request) or session_state_of(request).is_enough:
                return inner(request, *args, **kwargs)
            if request.path == reverse("admin:logout", current_app=self.name):
                return view(request, *args, **kwargs)  # which checks the CSRF token itself
            name = "admin:login_code" if session_state_of(request) is SessionState.CODE_NEEDED else SETUP
            return redirect_to_login(request.get_full_path(), reverse(name, current_app=self.name))

        return cast("V", update_wrapper(guarded, inner))

    @method_decorator(never_cache)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Show the first step of signing in."""
        return self.sign_in_view.as_view(site=self, extra_context=extra_context)(request)

    def extra_urls(self) -> list[URLPattern]:
        """Return the additional URLs: the second step, and the pages of one's own second factor."""
        code = path("login/code/", self.code_view.as_view(site=self), name="login_code")
        return [code, *OwnSecondFactorPages(self).urls]

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return the context of every page, without a sidebar for users who may not open its links."""
        context: dict[str, Any] = super().each_context(request)
        return context if context["has_permission"] else context | {"is_nav_sidebar_enabled": False}
