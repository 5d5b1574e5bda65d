"""Whether a browser session has passed the second factor, or still must."""

from enum import Enum, auto

import django_otp
from django.http import HttpRequest

from keystone.accounts.models import User
from keystone.two_factor.enrolment import is_required_of
from keystone.two_factor.models import Authenticator
from keystone.two_factor.verification import has_second_factor

_KEPT = "_keystone_standing"


class SessionState(Enum):
    """The state of a session with regard to the second factor."""

    FREE = auto()
    """The person has no second factor and needs none, or nobody is signed in."""
    VERIFIED = auto()
    """A code was given in this session."""
    CODE_NEEDED = auto()
    """The person has a second factor, which this session has not shown: they set it up elsewhere, or moved it."""
    SETUP_NEEDED = auto()
    """The person must set one up before anything else."""

    @property
    def is_enough(self) -> bool:
        """Whether the session may be used without further steps."""
        return self in {SessionState.FREE, SessionState.VERIFIED}


def session_state_of(request: HttpRequest) -> SessionState:
    """Return the state of this request's session.

    This takes at most one query per request: none for a verified session, whose device django-otp's middleware has
    already read, and none if nobody is signed in.
    """
    user = request.user
    kept = getattr(request, _KEPT, None)
    if kept is None or kept[0] is not user:
        kept = (user, _state_of(user))
        setattr(request, _KEPT, kept)
    state: SessionState = kept[1]
    return state


def verify_session(request: HttpRequest, authenticator: Authenticator) -> None:
    """Record in the session that its user has given a code. The session gets a new key, as after every sign-in."""
    request.session.cycle_key()
    django_otp.login(request, authenticator)
    setattr(request, _KEPT, None)


def _state_of(user: object) -> SessionState:
    if not isinstance(user, User):
        return SessionState.FREE
    if getattr(user, "otp_device", None) is not None:
        return SessionState.VERIFIED
    if has_second_factor(user):
        return SessionState.CODE_NEEDED
    return SessionState.SETUP_NEEDED if is_required_of(user) else SessionState.FREE
