"""Sign in in a browser: password first, then the code of those who have a second factor.

Nobody is signed in between the two. What is known of them by then stands in the anonymous session, for five minutes.
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
PROOF_LIFETIME = 300  # seconds, in which a password that was given at the sign-in is not asked for once more
SETUP = "admin:two_factor"


def remember(request: HttpRequest, person: User) -> None:
    """Keep in the session that this person has given their password; nobody is signed in by that.

    It is bound to the password, the status and the access version of this moment: whatever ends the person's access
    ends this too.
    """
    request.session.cycle_key()
    request.session[PENDING] = {
        "user": str(person.pk),
        "proof": person.get_session_auth_hash(),
        "at": int(time.time()),
    }


def pending(request: HttpRequest) -> User | None:
    """Who has given their password in this session and must still give a code; None where that was too long ago."""
    kept = request.session.get(PENDING)
    if not kept or not 0 <= time.time() - kept["at"] <= PENDING_LIFETIME:
        return None
    person: User | None = User.objects.filter(pk=kept["user"]).first()
    if person is None or not person.is_active:
        return None
    return person if constant_time_compare(person.get_session_auth_hash(), kept["proof"]) else None


def enter(request: HttpRequest, person: User, authenticator: Authenticator | None) -> None:
    """Sign a person in, who has given everything that is asked of them.

    Args:
        authenticator: what `check_code` returned; None for somebody without a second factor.

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
    """Whether the person of this session gave their password in it less than five minutes ago."""
    given: int = request.session.get(PROVED_AT, 0)
    return 0 <= time.time() - given < PROOF_LIFETIME


@method_decorator([sensitive_post_parameters("password", "code"), csrf_protect, never_cache], name="dispatch")
class Step(RedirectURLMixin, View):
    """What the two steps share. As they stand here they are the browsable API's, for everybody with an account.

    `next` is followed within this site only.

    Attributes:
        sign_in_url, code_url: the names of the addresses of the two steps.
    """

    sign_in_url = "rest_framework:login"
    code_url = "rest_framework:login-code"

    def get_default_redirect_url(self) -> str:
        """Where to go without a `next`."""
        return resolve_url(self.next_page or settings.LOGIN_REDIRECT_URL)

    def form_invalid(self, form: RefusableForm) -> HttpResponse:
        """Show what is wrong; where it is a limit, in the status too, and say when to come back."""
        return self.render_to_response(self.get_context_data(form=form), **form.answer)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The page's context, with where to go in the end."""
        return super().get_context_data(**kwargs) | {"next": self.get_redirect_url()}

    def go_on(self) -> HttpResponse:
        """Send somebody who is signed in to where they wanted to go, or to what they must do before."""
        match session_state_of(self.request):
            case SessionState.CODE_NEEDED:
                return self.go_to(self.code_url)
            case SessionState.SETUP_NEEDED:
                return self.go_to(SETUP)
        return HttpResponseRedirect(self.get_success_url())

    def go_to(self, name: str) -> HttpResponse:
        """Send them to a page of ours that sends them on to `next`."""
        target = self.get_redirect_url()
        return HttpResponseRedirect(reverse(name, query={self.redirect_field_name: target} if target else None))


class SignInView(Step):
    """The first step: address and password."""

    form_class = SignInForm
    template_name = "keystone/pages/sign_in.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Send those on who are signed in already."""
        if request.method == "GET" and self.knows(request):
            return self.go_on()
        return super().dispatch(request, *args, **kwargs)

    def knows(self, request: HttpRequest) -> bool:
        """Whether somebody is signed in who may be here."""
        return request.user.is_authenticated

    def form_valid(self, form: Any) -> HttpResponse:
        """Sign the person in, or ask for their code."""
        if has_second_factor(form.person):
            remember(self.request, form.person)
            return self.go_to(self.code_url)
        enter(self.request, form.person, None)
        self.request.session[PROVED_AT] = int(time.time())
        return self.go_on()


class CodeView(Step):
    """The second step: a code. Also for who is signed in without one: they have set it up elsewhere since."""

    form_class = CodeForm
    template_name = "keystone/pages/sign_in_code.html"
    person: User
    is_sign_in: bool

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Go back to the first step where nobody has passed it, or nothing is to be asked of them any more."""
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
        """The form asks for this person's code."""
        return super().get_form_kwargs() | {"rule": self.take, "kind": "recovery" if self.wants_recovery else "app"}

    def take(self, code: str) -> Authenticator:
        """Check the code; a wrong one is news for the owner where the password was given for it."""
        return check_code_of_sign_in(self.person, code) if self.is_sign_in else check_code(self.person, code)

    @property
    def wants_recovery(self) -> bool:
        """Whether the page asks for a recovery code."""
        return "recovery" in self.request.GET

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Who it is about, and which of the two kinds of code is asked for."""
        other = self.request.GET.copy()
        if self.wants_recovery:
            del other["recovery"]
        else:
            other["recovery"] = "1"
        context = {"person": self.person, "recovery": self.wants_recovery, "other_kind": f"?{other.urlencode()}"}
        return super().get_context_data(**kwargs) | context | {"signed_in": self.request.user.is_authenticated}

    def form_valid(self, form: Any) -> HttpResponse:
        """Sign the person in."""
        enter(self.request, self.person, form.taken)
        return self.go_on()
