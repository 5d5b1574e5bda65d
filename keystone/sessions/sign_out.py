"""Sign out: end this session, another one, all others or all; administrators can end other users' sessions."""

from contextlib import suppress
from typing import ClassVar
from uuid import UUID

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from keystone.accounts.authority import lock_acting, lock_for, refusal_to_touch
from keystone.accounts.models import User
from keystone.accounts.revoke_access import revoke_access
from keystone.actors.acting import AccessEnded
from keystone.actors.actor import Actor
from keystone.audit.log import event, record
from keystone.exceptions import Refusal
from keystone.sessions.models import Session
from keystone.sessions.revocation import revoke_session
from keystone.sessions.rotation import rotate, signed_claims
from keystone.sessions.token_pair import TokenPair


class SessionNotFound(Refusal):
    """The user has no such open session."""

    code = "not_found"
    status: ClassVar[int] = 404
    message: ClassVar[str | Promise] = _("There is no such open session.")


def sign_out(session: Session) -> None:
    """End the user's current session. A session that has already ended is left as it is."""
    user = session.user
    with suppress(SessionNotFound, AccessEnded):
        end_session(user, session.pk, by=Actor.person(user))


def sign_out_with(token: str) -> None:
    """End the session that a refresh token names. The token may be the newest one, or one that was traded before.

    Raises:
        TokenRefused: the token was not signed by us, or has expired.
        TooManyAttempts: too many tokens that we did not sign came from this IP address.
    """
    session = Session.objects.live().select_related("user").filter(pk=signed_claims(token).session_id).first()
    if session is not None:
        sign_out(session)


@transaction.atomic
def end_session(user: User, session_id: UUID, *, by: Actor) -> None:
    """End one open session of a user: the current one, or another one.

    Raises:
        SessionNotFound: the session is not open, or belongs to another user.
        ProtectedAccount: `by` may not act on this user.
    """
    _refuse_to_end(lock_for(user, by=by), by=by)
    if not revoke_session(user.pk, session_id):
        raise SessionNotFound
    changes = {"session": [str(session_id), None]}
    record([event("user.session_ended", user, by=by, changes=changes)])


@transaction.atomic
def end_other_sessions(user: User, session_id: UUID | None, *, by: Actor) -> TokenPair | None:
    """End all sessions of a user except one, which continues with a new pair of tokens.

    Sessions of Django's admin end as well, and links sent by mail stop working.

    Args:
        session_id: the session to keep; None if it is one of Django's, which the caller must continue itself.

    Returns:
        The new pair of the session that was kept.

    Raises:
        SessionNotFound: the session has ended in the meantime.
        AccessEnded: the user's access has ended in the meantime.
    """
    locked = lock_acting(user)
    revoke_access([locked], keep=session_id)
    pair = renew_session(locked, session_id) if session_id is not None else None
    record([event("user.sessions_ended", user, by=by)])
    user.access_version = locked.access_version
    return pair


@transaction.atomic
def end_all_sessions(user: User, *, by: Actor) -> None:
    """Sign a user out of the API and the admin, and invalidate links sent by mail.

    Raises:
        ProtectedAccount: `by` may not act on this user.
        UserNotFound: the account no longer exists.
    """
    locked = lock_for(user, by=by)
    _refuse_to_end(locked, by=by)
    revoke_access([locked])
    record([event("user.sessions_ended", user, by=by)])
    user.access_version = locked.access_version


def renew_session(user: User, session_id: UUID) -> TokenPair:
    """Issue a new pair for a session that is kept when access is revoked.

    Call this in the same transaction, with the user locked.

    Raises:
        SessionNotFound: the session has ended.
    """
    session = Session.objects.live().select_for_update().filter(pk=session_id, user=user).first()
    if session is None:
        raise SessionNotFound
    return rotate(session, user)


def _refuse_to_end(user: User, *, by: Actor) -> None:
    """Refuse to act on protected accounts. Everybody may end their own sessions, administrators included."""
    refusal = refusal_to_touch(user, by=by, own=True)
    if refusal is not None:
        raise refusal
