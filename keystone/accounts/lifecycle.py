"""The transitions of an account: approve, reject, reopen, suspend, reactivate, deactivate.

The REST API, the admin, the commands and the jobs call only these functions. Each makes one call of `transition`, for
one person or ten thousand.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.utils import timezone

from keystone.accounts.models import User
from keystone.accounts.transition import Outcome, Undo, apply_transition
from keystone.accounts.transition_rules import (
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
    notify: bool = True,
) -> User:
    """Approve a pending person.

    Args:
        user: the person.
        by: who decides.
        reason: a message to the person, included in the email.
        note: for administrators only, kept in the audit log.
        even_unverified: approve even if the email address is not verified.
        notify: whether to email the person.

    Raises:
        UnverifiedAddress: the email address is not verified and `even_unverified` is not set.
        AlreadyDecided, IllegalTransition: the person is not pending.
        OwnAccount, ProtectedAccount: `by` may not act on this person.
    """
    outcome = approve_users([user.pk], by=by, reason=reason, note=note, even_unverified=even_unverified, notify=notify)
    return _single(user, outcome)


def approve_users(
    ids: Collection[Any],
    *,
    by: Actor,
    reason: str = "",
    note: str = "",
    even_unverified: bool = False,
    notify: bool = True,
) -> Outcome:
    """Approve many people at once (see `approve_user`). Refusals are listed in the outcome."""
    return apply_transition(
        APPROVE, ids, by=by, reason=reason, note=note, even_unverified=even_unverified, notify=notify
    )


def reject_user(user: User, *, by: Actor, reason: str = "", note: str = "", notify: bool = True) -> User:
    """Reject a pending person.

    Args:
        user: the person.
        by: who decides.
        reason: what the person is told, in the email and when they sign in.
        note: for administrators only.
        notify: whether to email the person; False rejects silently.

    Raises:
        AlreadyDecided, IllegalTransition: the person is not pending.
        OwnAccount, ProtectedAccount: `by` may not act on this person.
    """
    return _single(user, reject_users([user.pk], by=by, reason=reason, note=note, notify=notify))


def reject_users(ids: Collection[Any], *, by: Actor, reason: str = "", note: str = "", notify: bool = True) -> Outcome:
    """Reject many people at once (see `reject_user`)."""
    return apply_transition(REJECT, ids, by=by, reason=reason, note=note, notify=notify)


def reopen_user(user: User, *, by: Actor, note: str = "", notify: bool = True) -> User:
    """Take a rejection back. The person is pending again, in the status that their flow gives.

    Raises:
        IllegalTransition: the person is not rejected.
        OwnAccount, ProtectedAccount: `by` may not act on this person.
    """
    return _single(user, reopen_users([user.pk], by=by, note=note, notify=notify))


def reopen_users(ids: Collection[Any], *, by: Actor, note: str = "", notify: bool = True) -> Outcome:
    """Take many rejections back at once (see `reopen_user`)."""
    return apply_transition(REOPEN, ids, by=by, note=note, notify=notify)


def suspend_user(
    user: User, *, by: Actor, reason: str, until: datetime | None = None, note: str = "", notify: bool = True
) -> User:
    """Suspend an active person until `until` (UTC), or until they are reactivated.

    Raises:
        ReasonMissing: `reason` is blank.
        SuspensionEndsInThePast: `until` is not in the future.
        LastSuperuser: no active superuser would be left.
        IllegalTransition: the person is not active.
        OwnAccount, ProtectedAccount: `by` may not act on this person.
    """
    outcome = suspend_users([user.pk], by=by, reason=reason, until=until, note=note, notify=notify)
    return _single(user, outcome)


def suspend_users(
    ids: Collection[Any],
    *,
    by: Actor,
    reason: str,
    until: datetime | None = None,
    note: str = "",
    notify: bool = True,
) -> Outcome:
    """Suspend many people at once (see `suspend_user`)."""
    if not reason.strip():
        raise ReasonMissing
    if until is not None and until <= timezone.now():
        raise SuspensionEndsInThePast
    return apply_transition(SUSPEND, ids, by=by, reason=reason, note=note, notify=notify, suspended_until=until)


def reactivate_user(user: User, *, by: Actor, reason: str = "", note: str = "", notify: bool = True) -> User:
    """Reactivate a suspended or deactivated person.

    Raises:
        IllegalTransition: the person is neither suspended nor deactivated.
        OwnAccount, ProtectedAccount: `by` may not act on this person.
    """
    return _single(user, reactivate_users([user.pk], by=by, reason=reason, note=note, notify=notify))


def reactivate_users(
    ids: Collection[Any], *, by: Actor, reason: str = "", note: str = "", notify: bool = True
) -> Outcome:
    """Reactivate many people at once (see `reactivate_user`)."""
    return apply_transition(REACTIVATE, ids, by=by, reason=reason, note=note, notify=notify)


def deactivate_user(user: User, *, by: Actor, reason: str = "", note: str = "", notify: bool = True) -> User:
    """Deactivate an account without deleting it.

    Raises:
        LastSuperuser: no active superuser would be left.
        IllegalTransition: the person is neither active nor suspended.
        OwnAccount, ProtectedAccount: `by` may not act on this person.
    """
    return _single(user, deactivate_users([user.pk], by=by, reason=reason, note=note, notify=notify))


def deactivate_users(
    ids: Collection[Any], *, by: Actor, reason: str = "", note: str = "", notify: bool = True
) -> Outcome:
    """Deactivate many people at once (see `deactivate_user`)."""
    return apply_transition(DEACTIVATE, ids, by=by, reason=reason, note=note, notify=notify)


def transition_users(
    transition: Transition,
    ids: Collection[Any],
    *,
    by: Actor,
    reason: str = "",
    note: str = "",
    notify: bool = True,
    even_unverified: bool = False,
    until: datetime | None = None,
    undo: Undo | None = None,
) -> Outcome:
    """Apply any of these transitions to many people at once. Arguments that a transition doesn't use are ignored.

    Args:
        undo: how an approval or rejection can be undone for a while; its emails are held back until then.

    Raises:
        ReasonMissing, SuspensionEndsInThePast: as `suspend_user`.
    """
    if transition is SUSPEND:
        return suspend_users(ids, by=by, reason=reason, until=until, note=note, notify=notify)
    only_approving = even_unverified and transition is APPROVE
    return apply_transition(
        transition, ids, by=by, reason=reason, note=note, notify=notify, even_unverified=only_approving, undo=undo
    )


def _single(user: User, outcome: Outcome) -> User:
    """Update `user` from the outcome and return it, or raise the refusal."""
    if outcome.missing:
        raise UserNotFound
    for _user, refusal in outcome.refused:
        raise refusal
    fresh = outcome.succeeded[0]
    for attribute in fresh._meta.concrete_fields:
        setattr(user, attribute.attname, getattr(fresh, attribute.attname))
    return user
