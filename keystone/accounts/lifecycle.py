"""The transitions of an account: approve, reject, reopen, suspend, reactivate, deactivate.

The REST API, the admin, the commands and the jobs call these functions and nothing else. Each is one call of the
engine in `transition`; one person or ten thousand go the same way.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.utils import timezone

from keystone.accounts.models import User
from keystone.accounts.transition import Outcome, Undo, transition
from keystone.accounts.transition_table import (
    APPROVE,
    DEACTIVATE,
    REACTIVATE,
    REJECT,
    REOPEN,
    SUSPEND,
    ReasonMissing,
    SuspensionEndsInThePast,
    Transition,
    UserNotFound,
)
from keystone.actors.actor import Actor


def approve_user(
    user: User,
    *,
    by: Actor,
    reason: str = "",
    note: str = "",
    even_unverified: bool = False,
    tell: bool = True,
) -> User:
    """Let a pending person in.

    Args:
        user: who.
        by: who decides.
        reason: a word for the person, put into the mail.
        note: for administrators only, kept in the audit log.
        even_unverified: also when the address has not been verified.
        tell: whether the person gets a mail.

    Raises:
        UnverifiedAddress: the address is not verified and `even_unverified` is not set.
        AlreadyDecided, IllegalTransition: the person is not pending.
        OwnAccount, ProtectedAccount: `by` may not act on this person.
    """
    outcome = approve_users([user.pk], by=by, reason=reason, note=note, even_unverified=even_unverified, tell=tell)
    return _single(user, outcome)


def approve_users(
    ids: Collection[Any],
    *,
    by: Actor,
    reason: str = "",
    note: str = "",
    even_unverified: bool = False,
    tell: bool = True,
) -> Outcome:
    """`approve_user` for many at once; refusals are told in the outcome."""
    return transition(APPROVE, ids, by=by, reason=reason, note=note, even_unverified=even_unverified, tell=tell)


def reject_user(user: User, *, by: Actor, reason: str = "", note: str = "", tell: bool = True) -> User:
    """Turn a pending person away.

    Args:
        user: who.
        by: who decides.
        reason: what the person is told, in the mail and when they sign in.
        note: for administrators only.
        tell: False rejects in silence, without a mail.

    Raises:
        AlreadyDecided, IllegalTransition: the person is not pending.
        OwnAccount, ProtectedAccount: `by` may not act on this person.
    """
    return _single(user, reject_users([user.pk], by=by, reason=reason, note=note, tell=tell))


def reject_users(ids: Collection[Any], *, by: Actor, reason: str = "", note: str = "", tell: bool = True) -> Outcome:
    """`reject_user` for many at once."""
    return transition(REJECT, ids, by=by, reason=reason, note=note, tell=tell)


def reopen_user(user: User, *, by: Actor, note: str = "", tell: bool = True) -> User:
    """Take a rejection back: the person is pending again, where their flow has them.

    Raises:
        IllegalTransition: the person is not rejected.
        OwnAccount, ProtectedAccount: `by` may not act on this person.
    """
    return _single(user, reopen_users([user.pk], by=by, note=note, tell=tell))


def reopen_users(ids: Collection[Any], *, by: Actor, note: str = "", tell: bool = True) -> Outcome:
    """`reopen_user` for many at once."""
    return transition(REOPEN, ids, by=by, note=note, tell=tell)


def suspend_user(
    user: User, *, by: Actor, reason: str, until: datetime | None = None, note: str = "", tell: bool = True
) -> User:
    """Lock an active person out, until `until` (UTC) or until somebody reactivates them.

    Raises:
        ReasonMissing: `reason` is blank.
        SuspensionEndsInThePast: `until` is not in the future.
        LastSuperuser: nobody would be left to administer the product.
        IllegalTransition: the person is not active.
        OwnAccount, ProtectedAccount: `by` may not act on this person.
    """
    outcome = suspend_users([user.pk], by=by, reason=reason, until=until, note=note, tell=tell)
    return _single(user, outcome)


def suspend_users(
    ids: Collection[Any],
    *,
    by: Actor,
    reason: str,
    until: datetime | None = None,
    note: str = "",
    tell: bool = True,
) -> Outcome:
    """`suspend_user` for many at once."""
    if not reason.strip():
        raise ReasonMissing
    if until is not None and until <= timezone.now():
        raise SuspensionEndsInThePast
    return transition(SUSPEND, ids, by=by, reason=reason, note=note, tell=tell, suspended_until=until)


def reactivate_user(user: User, *, by: Actor, reason: str = "", note: str = "", tell: bool = True) -> User:
    """Let a suspended or deactivated person in again.

    Raises:
        IllegalTransition: the person is neither suspended nor deactivated.
        OwnAccount, ProtectedAccount: `by` may not act on this person.
    """
    return _single(user, reactivate_users([user.pk], by=by, reason=reason, note=note, tell=tell))


def reactivate_users(
    ids: Collection[Any], *, by: Actor, reason: str = "", note: str = "", tell: bool = True
) -> Outcome:
    """`reactivate_user` for many at once."""
    return transition(REACTIVATE, ids, by=by, reason=reason, note=note, tell=tell)


def deactivate_user(user: User, *, by: Actor, reason: str = "", note: str = "", tell: bool = True) -> User:
    """Close an account without deleting it.

    Raises:
        LastSuperuser: nobody would be left to administer the product.
        IllegalTransition: the person is neither active nor suspended.
        OwnAccount, ProtectedAccount: `by` may not act on this person.
    """
    return _single(user, deactivate_users([user.pk], by=by, reason=reason, note=note, tell=tell))


def deactivate_users(
    ids: Collection[Any], *, by: Actor, reason: str = "", note: str = "", tell: bool = True
) -> Outcome:
    """`deactivate_user` for many at once."""
    return transition(DEACTIVATE, ids, by=by, reason=reason, note=note, tell=tell)


def move_users(
    move: Transition,
    ids: Collection[Any],
    *,
    by: Actor,
    reason: str = "",
    note: str = "",
    tell: bool = True,
    even_unverified: bool = False,
    until: datetime | None = None,
    undo: Undo | None = None,
) -> Outcome:
    """Any of the moves above, for many at once; what a move has no use for is ignored.

    Args:
        undo: how whoever approves or rejects can undo it for a while; its mails go out afterwards.

    Raises:
        ReasonMissing, SuspensionEndsInThePast: as `suspend_user`.
    """
    if move is SUSPEND:
        return suspend_users(ids, by=by, reason=reason, until=until, note=note, tell=tell)
    only_approving = even_unverified and move is APPROVE
    return transition(move, ids, by=by, reason=reason, note=note, tell=tell, even_unverified=only_approving, undo=undo)


def _single(user: User, outcome: Outcome) -> User:
    """The moved person, the same object as was given, or the refusal."""
    if outcome.missing:
        raise UserNotFound
    for _user, refusal in outcome.refused:
        raise refusal
    fresh = outcome.moved[0]
    for attribute in fresh._meta.concrete_fields:
        setattr(user, attribute.attname, getattr(fresh, attribute.attname))
    return user
