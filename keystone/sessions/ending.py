"""Sign out: this session, another one, all others, all; and others' sessions, for administrators."""

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
    """The person has no such open session."""

    code = "not_found"
    status: ClassVar[int] = 404
    message: ClassVar[str | Promise] = _("There is no such open session.")


def sign_out(session: Session) -> None:
    """End the session that the person acts in. One that has ended already is left as it is."""
    user = session.user
    with suppress(SessionNotFound, AccessEnded):
        end_session(user, session.pk, by=Actor.person(user))


def sign_out_with(token: str) -> None:
    """End the session that a refresh token names: the newest one, or one that was traded before.

    Raises:
        TokenRefused: we did not sign it, or it has expired.
        TooManyAttempts: tokens that nobody signed came too often from this address.
    """
    session = Session.objects.live().select_related("user").filter(pk=signed_claims(token).session_id).first()
    if session is not None:
        sign_out(session)


@transaction.atomic
def end_session(user: User, session_id: UUID, *, by: Actor) -> None:
    """End one open session: the one that the person acts in, or another one.

    Raises:
        SessionNotFound: it is not open, or somebody else's.
        ProtectedAccount: `by` may not act on this person.
    """
    _refuse_to_end(lock_for(user, by=by), by=by)
    if not revoke_session(user.pk, session_id):
        raise SessionNotFound
    changes = {"session": [str(session_id), None]}
    record([event("user.session_ended", user, by=by, changes=changes)])


@transaction.atomic
def end_other_sessions(user: User, session_id: UUID | None, *, by: Actor) -> TokenPair | None:
    """End every session of a person but one, which goes on with a new pair of tokens.

    Sessions of Django's admin and the links that were mailed end as well.

    Args:
        session_id: the session that goes on; None where it is one of Django's, whose caller binds it anew.

    Returns:
        The new pair of the session that goes on.

    Raises:
        SessionNotFound: it has ended in the meantime.
        AccessEnded: the person's access has ended in the meantime.
    """
    locked = lock_acting(user)
    revoke_access([locked], keep=session_id)
    pair = renew_session(locked, session_id) if session_id is not None else None
    record([event("user.sessions_ended", user, by=by)])
    user.access_version = locked.access_version
    return pair


@transaction.atomic
def end_all_sessions(user: User, *, by: Actor) -> None:
    """Sign a person out everywhere: API, admin, and the links that were mailed.

    Raises:
        ProtectedAccount: `by` may not act on this person.
        UserNotFound: the account has gone.
    """
    locked = lock_for(user, by=by)
    _refuse_to_end(locked, by=by)
    revoke_access([locked])
    record([event("user.sessions_ended", user, by=by)])
    user.access_version = locked.access_version


def renew_session(user: User, session_id: UUID) -> TokenPair:
    """A new pair for a session that outlives an end of access. Call it in that transaction, with the person locked.

    Raises:
        SessionNotFound: it has ended.
    """
    session = Session.objects.live().select_for_update().filter(pk=session_id, user=user).first()
    if session is None:
        raise SessionNotFound
    return rotate(session, user)


def _refuse_to_end(user: User, *, by: Actor) -> None:
    """As every act on others is refused; one's own sessions are one's own to end, for administrators too."""
    refusal = refusal_to_touch(user, by=by, own=True)
    if refusal is not None:
        raise refusal
