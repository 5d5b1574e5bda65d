"""The pages of one's own second factor: set up, move to another device, remove, new recovery codes."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import segno
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from keystone.accounts.models import User
from keystone.actors.actor import Actor
from keystone.conf import options
from keystone.sign_in.admin.sign_in import AdminCodeForm, AdminPasswordAgainForm
from keystone.sign_in.in_browser import SETUP, has_given_password_lately
from keystone.sign_in.session_state import SessionState, session_state_of, verify_session
from keystone.two_factor import enrolment
from keystone.two_factor.encryption import Unreadable
from keystone.two_factor.models import Authenticator, RecoveryCode
from keystone.two_factor.recovery_codes import COUNT
from keystone.two_factor.verification import check_code, second_factor_of

if TYPE_CHECKING:
    from keystone.sign_in.admin.site import KeystoneAdminSite

Page = Callable[[HttpRequest], HttpResponse]
BEGUN = "keystone_begun_second_factor"  # the key of the authenticator that this session is setting up


class OwnSecondFactorPages:
    """The pages at `two-factor/`. Staff who must set up a second factor can use no other pages."""

    def __init__(self, site: "KeystoneAdminSite") -> None:
        self.site = site

    @property
    def urls(self) -> list[URLPattern]:
        return [
            path("two-factor/", self._page(self.state, "GET"), name="two_factor"),
            path("two-factor/begin/", self._page(self.begin, "GET", "POST"), name="two_factor_begin"),
            path("two-factor/set-up/", self._page(self.set_up, "GET", "POST"), name="two_factor_set_up"),
            path("two-factor/codes/", self._page(self.codes, "GET", "POST"), name="two_factor_codes"),
            path("two-factor/kept/", self._page(self.kept, "POST"), name="two_factor_kept"),
            path("two-factor/remove/", self._page(self.remove, "GET", "POST"), name="two_factor_remove"),
        ]

    def state(self, request: HttpRequest) -> HttpResponse:
        """Show whether the second factor is set up, since when, and what can be done."""
        user = _person(request)
        context = {
            "factor": second_factor_of(user),
            "left": RecoveryCode.objects.unused(user).count(),
            "most": COUNT,
            "required": enrolment.is_required_of(user),
        }
        return self._render(request, "two_factor.html", _("Two-factor sign-in"), context)

    def begin(self, request: HttpRequest) -> HttpResponse:
        """Begin the set-up after asking for the password, unless it was given just now.

        Users who already have a second factor give a code instead, to move it to another device.
        """
        user = _person(request)
        if second_factor_of(user) is None:
            if request.method != "POST":
                return self._to(request, SETUP)
            if not has_given_password_lately(request):
                again = AdminPasswordAgainForm(request.POST if "password" in request.POST else None, user=user)
                if not again.is_valid():
                    title = _("Set up two-factor sign-in")
                    return self._render(request, "two_factor_password.html", title, {"form": again})
        else:
            form = self._code_form(request)
            if not form.is_valid():
                context = {
                    "form": form,
                    "lead": _("Enter a code from your present device. It keeps working until the new one is set up."),
                    "button": _("Continue"),
                }
                return self._render(request, "two_factor_code.html", _("Move to another device"), context)
        request.session[BEGUN] = enrolment.begin(user).pk
        return self._to(request, "admin:two_factor_set_up")

    def set_up(self, request: HttpRequest) -> HttpResponse:
        """Show the secret as a QR code and as text, only to the session that began, and take the first code."""
        user = _person(request)
        key = request.session.get(BEGUN)
        authenticator = enrolment.begun(user, key)
        shown = _shown(authenticator)
        if not shown:
            return self._begin_again(request)
        form = AdminCodeForm(request.POST or None, rule=lambda code: enrolment.confirm(user, key, code))
        if form.is_valid():
            del request.session[BEGUN]
            verify_session(request, form.taken.authenticator)
            return self._show_codes(request, form.taken.recovery_codes, is_new=True)
        if isinstance(form.refusal, enrolment.NothingBegun):  # another set-up was begun in the meantime
            return self._begin_again(request)
        return self._render(request, "two_factor_set_up.html", _("Set up two-factor sign-in"), {"form": form, **shown})

    def codes(self, request: HttpRequest) -> HttpResponse:
        """Create new recovery codes, after asking for a code."""
        user = _person(request)
        if second_factor_of(user) is None:
            return self._to(request, SETUP)
        form = self._code_form(request)
        if form.is_valid():
            codes = enrolment.new_recovery_codes(user, by=Actor.person(user))
            return self._show_codes(request, codes, is_new=False)
        context = {
            "form": form,
            "lead": _("Your present codes will stop working."),
            "button": _("Create new codes"),
        }
        return self._render(request, "two_factor_code.html", _("New recovery codes"), context)

    def kept(self, request: HttpRequest) -> HttpResponse:
        """Continue after the recovery codes were shown, with a warning if the user did not keep them."""
        if "kept" not in request.POST:
            messages.warning(
                request, _("If you did not keep your recovery codes, create new ones: they are shown only once.")
            )
            return self._to(request, SETUP)
        return HttpResponseRedirect(_next(request) or reverse("admin:index", current_app=self.site.name))

    def remove(self, request: HttpRequest) -> HttpResponse:
        """Remove the second factor after asking for a code, unless it is required of this user."""
        user = _person(request)
        if enrolment.is_required_of(user) or second_factor_of(user) is None:
            return self._to(request, SETUP)
        form = self._code_form(request)
        if form.is_valid():
            enrolment.remove(user, by=Actor.person(user))
            messages.success(request, _("Two-factor sign-in has been removed. Signing in asks for your password only."))
            return self._to(request, SETUP)
        context = {
            "form": form,
            "lead": _("Signing in will ask for your password only, and your recovery codes will no longer work."),
            "button": _("Remove"),
            "variant": "danger",
        }
        return self._render(request, "two_factor_code.html", _("Remove two-factor sign-in"), context)

    def _page(self, view: Page, *methods: str) -> Page:
        """Wrap a view for staff. A session that still needs a code is redirected to that step first."""

        def guarded(request: HttpRequest) -> HttpResponse:
            name = ""
            if not self.site.admits(request):
                name = "admin:login"
            elif session_state_of(request) is SessionState.CODE_NEEDED:
                name = "admin:login_code"
            if name:
                return redirect_to_login(request.get_full_path(), reverse(name, current_app=self.site.name))
            return view(request)

        checked = sensitive_post_parameters("code", "password")(csrf_protect(guarded))
        return never_cache(require_http_methods([*methods, "HEAD"] if "GET" in methods else methods)(checked))

    def _code_form(self, request: HttpRequest) -> AdminCodeForm:
        user = _person(request)
        return AdminCodeForm(request.POST or None, rule=lambda code: check_code(user, code), kind="either")

    def _show_codes(self, request: HttpRequest, codes: list[str], *, is_new: bool) -> HttpResponse:
        """Show the codes, once, in the response to the POST, so that they need not be stored."""
        values = {"project": options().project_name, "person": request.user}
        head = _("Recovery codes of %(person)s for %(project)s. Each works once.") % values
        text = "\n".join([head, "", *codes, ""])
        file = f"data:text/plain;charset=utf-8,{quote(text)}"
        context = {"codes": codes, "head": head, "file": file, "is_new": is_new}
        return self._render(request, "two_factor_codes.html", _("Keep your recovery codes"), context)

    def _begin_again(self, request: HttpRequest) -> HttpResponse:
        if request.method == "POST":
            messages.warning(request, str(enrolment.NothingBegun.message))
        return self._to(request, SETUP)

    def _render(self, request: HttpRequest, template: str, title: str, context: dict[str, Any]) -> HttpResponse:
        request.current_app = self.site.name  # for {% url %}
        form = context.get("form")
        around = {**self.site.each_context(request), "title": title, REDIRECT_FIELD_NAME: _next(request)}
        answer = form.answer if form is not None else {}
        return TemplateResponse(request, f"keystone/admin/{template}", {**around, **context}, **answer)

    def _to(self, request: HttpRequest, name: str) -> HttpResponse:
        target = _next(request)
        query = {REDIRECT_FIELD_NAME: target} if target else None
        return HttpResponseRedirect(reverse(name, query=query, current_app=self.site.name))


def _person(request: HttpRequest) -> User:
    user: Any = request.user  # `admits` refuses anonymous users
    person: User = user
    return person


def _shown(authenticator: Authenticator | None) -> dict[str, str]:
    """Return the secret as text, URI and QR code; empty if there is none or no key decrypts it any more."""
    if authenticator is None:
        return {}
    try:
        uri, secret = authenticator.uri, authenticator.secret
    except Unreadable:
        return {}
    picture = segno.make(uri, error="m", micro=False).svg_data_uri(border=4, dark="#000", light="#fff")
    return {"secret": secret, "uri": uri, "picture": picture}


def _next(request: HttpRequest) -> str:
    """Return the URL to go to in the end; empty if none is given or it is not within this site."""
    target = request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME) or ""
    hosts = {request.get_host()}
    return target if url_has_allowed_host_and_scheme(target, hosts, require_https=request.is_secure()) else ""
