"""Sign in with a browser: first the password, then a code for users who have a second factor.

The user is not signed in between the two steps. Until the second one, the anonymous session keeps their state for five
minutes.
"""

import time
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.views import RedirectURLMixin
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import FormView

from keystone.accounts.authority import lock_acting
from keystone.accounts.models import User
from keystone.actors.actor import Actor
from keystone.audit.log import event, record
from keystone.sessions.browser_sessions import open_browser_session
from keystone.sign_in.forms import CodeForm, RefusableForm, SignInForm
from keystone.sign_in.session_state import SessionState, session_state_of, verify_session
from keystone.throttling.limits import count_change
from keystone.two_factor.models import Authenticator
from keystone.two_factor.verification import check_code, check_code_of_sign_in, has_second_factor

if TYPE_CHECKING:
    View = FormView[RefusableForm]
else:
    View = FormView

BACKEND = "keystone.accounts.backends.EmailBackend"
PENDING = "keystone_pending_sign_in"
PENDING_LIFETIME = 300  # seconds
PROVED_AT = "keystone_password_given"
PROOF_LIFETIME = 300  # seconds after the sign-in during which the password is not asked for again
SETUP = "admin:two_factor"


def remember(request: HttpRequest, person: User) -> None:
    """Record in the session that this user has given their password. This does not sign them in.

    The record is bound to the current password, status and access version, so it becomes invalid when the user's access
    is revoked.
    """
    request.session.cycle_key()
    request.session[PENDING] = {
        "user": str(person.pk),
        "proof": person.get_session_auth_hash(),
        "at": int(time.time()),
    }


def pending(request: HttpRequest) -> User | None:
    """Return the user who has given their password in this session and must still give a code.

    Return None if there is none, if it was too long ago, or if the user's access has changed since.
    """
    kept = request.session.get(PENDING)
    if not kept or not 0 <= time.time() - kept["at"] <= PENDING_LIFETIME:
        return None
    person: User | None = User.objects.filter(pk=kept["user"]).first()
    if person is None or not person.is_active:
        return None
    return person if constant_time_compare(person.get_session_auth_hash(), kept["proof"]) else None


def enter(request: HttpRequest, person: User, authenticator: Authenticator | None) -> None:
    """Sign in a user who has completed all steps.

    Args:
        authenticator: the return value of `check_code`; None for a user without a second factor.

    Raises:
        AccessEnded: the account was suspended or erased, or its password changed, after `person` was read.
    """
    request.session.pop(PENDING, None)
    if not request.user.is_authenticated or request.user.pk != person.pk:
        count_change(address=person.email)
        with transaction.atomic():
            lock_acting(person)
            login(request, person, backend=BACKEND)
            open_browser_session(request, person)
            record([event("user.signed_in", person, by=Actor.person(person))])
    if authenticator is not None:
        verify_session(request, authenticator)


def has_given_password_lately(request: HttpRequest) -> bool:
    """Return whether the user gave their password in this session less than five minutes ago."""
    given: int = request.session.get(PROVED_AT, 0)
    return 0 <= time.time() - given < PROOF_LIFETIME


@method_decorator([sensitive_post_parameters("password", "code"), csrf_protect, never_cache], name="dispatch")
class Step(RedirectURLMixin, View):
    """Base class of the two steps. In this module they are those of the browsable API, for everybody with an account.

    `next` is only followed within this site.

    Attributes:
        sign_in_url, code_url: the URL names of the two steps.
    """

    sign_in_url = "rest_framework:login"
    code_url = "rest_framework:login-code"

    def get_default_redirect_url(self) -> str:
        """Return the URL to redirect to without a `next`."""
        return resolve_url(self.next_page or settings.LOGIN_REDIRECT_URL)

    def form_invalid(self, form: RefusableForm) -> HttpResponse:
        """Show the errors. A rate limit also sets the status and `Retry-After`."""
        return self.render_to_response(self.get_context_data(form=form), **form.answer)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add `next` to the page's context."""
        return super().get_context_data(**kwargs) | {"next": self.get_redirect_url()}

    def go_on(self) -> HttpResponse:
        """Redirect a signed-in user to their destination, or to a step that they must complete first."""
        match session_state_of(self.request):
            case SessionState.CODE_NEEDED:
                return self.go_to(self.code_url)
            case SessionState.SETUP_NEEDED:
                return self.go_to(SETUP)
        return HttpResponseRedirect(self.get_success_url())

    def go_to(self, name: str) -> HttpResponse:
        """Redirect to one of our pages, passing `next` along."""
        target = self.get_redirect_url()
        return HttpResponseRedirect(reverse(name, query={self.redirect_field_name: target} if target else None))


class SignInView(Step):
    """The first step: email address and password."""

    form_class = SignInForm
    template_name = "keystone/pages/sign_in.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Redirect users who are already signed in."""
        if request.method == "GET" and self.knows(request):
            return self.go_on()
        return super().dispatch(request, *args, **kwargs)

    def knows(self, request: HttpRequest) -> bool:
        """Return whether the user is already signed in here."""
        return request.user.is_authenticated

    def form_valid(self, form: Any) -> HttpResponse:
        """Sign the user in, or ask for their code."""
        if has_second_factor(form.person):
            remember(self.request, form.person)
            return self.go_to(self.code_url)
        enter(self.request, form.person, None)
        self.request.session[PROVED_AT] = int(time.time())
        return self.go_on()


class CodeView(Step):
    """The second step: a code.

    It is also for users who signed in without a code and have set up a second factor elsewhere since.
    """

    form_class = CodeForm
    template_name = "keystone/pages/sign_in_code.html"
    person: User
    is_sign_in: bool

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Redirect to the first step if it was not passed, or if no code is needed any more."""
        person = pending(request)
        self.is_sign_in = person is not None
        if person is None and session_state_of(request) is SessionState.CODE_NEEDED:
            person = User.objects.filter(pk=request.user.pk).first()
        if person is None or not has_second_factor(person):
            if request.session.pop(PENDING, None):
                messages.warning(request, _("That took too long, or your account has changed. Please sign in again."))
            return self.go_to(self.sign_in_url)
        self.person = person
        return super().dispatch(request, *args, **kwargs)

    def get_form_kwargs(self) -> dict[str, Any]:
        """Add the rule and the kind of code to the form's arguments."""
        return super().get_form_kwargs() | {"rule": self.take, "kind": "recovery" if self.wants_recovery else "app"}

    def take(self, code: str) -> Authenticator:
        """Check the code. If the password was given just before, a wrong code is reported to the account's owner."""
        return check_code_of_sign_in(self.person, code) if self.is_sign_in else check_code(self.person, code)

    @property
    def wants_recovery(self) -> bool:
        return "recovery" in self.request.GET

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the user, the kind of code that is asked for, and a link to the other kind."""
        other = self.request.GET.copy()
        if self.wants_recovery:
            del other["recovery"]
        else:
            other["recovery"] = "1"
        context = {"person": self.person, "recovery": self.wants_recovery, "other_kind": f"?{other.urlencode()}"}
        return super().get_context_data(**kwargs) | context | {"signed_in": self.request.user.is_authenticated}

    def form_valid(self, form: Any) -> HttpResponse:
        enter(self.request, self.person, form.taken)
        return self.go_on()
