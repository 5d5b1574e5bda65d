"""Apply a transition to any number of users, in one transaction."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from keystone.accounts.authority import LastSuperuser, leaves_a_superuser, lock_superusers_among, refusal_to_touch
from keystone.accounts.emails import queue_email_at
from keystone.accounts.hooks import approvers_hear
from keystone.accounts.models import User
from keystone.accounts.revoke_access import revoke_access
from keystone.accounts.send_signals import send_signal
from keystone.accounts.status import Status
from keystone.accounts.transition_rules import APPROVE, Transition, check_transition, last_decisions
from keystone.actors.acting import lock_accounts
from keystone.actors.actor import Actor
from keystone.audit.log import event, record
from keystone.exceptions import Refusal


@dataclass
class Outcome:
    """The result of a transition: who was changed, who was refused and why, and which keys don't exist.

    `decision` is the id that `undo_decision` takes, if the decision can be undone.
    """

    succeeded: list[User] = field(default_factory=list)
    refused: list[tuple[User, Refusal]] = field(default_factory=list)
    missing: list[Any] = field(default_factory=list)
    decision: UUID | None = None


class Remember(Protocol):
    """Callback that stores what a decision is about to change. The rows are locked and not yet written."""

    def __call__(
        self, transition: Transition, people: Collection[User], *, by: Actor, at: datetime, until: datetime
    ) -> UUID:
        """Return the id that undoes the decision."""


@dataclass(frozen=True)
class Undo:
    """How a decision can be undone: for how long, and the callback that stores what is needed."""

    window: timedelta
    remember: Remember


@transaction.atomic
def apply_transition(
    transition: Transition,
    ids: Collection[Any],
    *,
    by: Actor,
    reason: str = "",
    note: str = "",
    notify: bool,
    even_unverified: bool = False,
    suspended_until: datetime | None = None,
    undo: Undo | None = None,
) -> Outcome:
    """Apply `move` to each of `ids` for which it is legal, all in one transaction.

    It locks and checks the rows, writes the statuses in set-based statements, records one audit event for each person,
    queues the emails, ends the sessions of those who lose access, and sends the signals after commit. Refused accounts
    stay as they were and are listed in the outcome.

    Args:
        undo: how `by` can undo a decision for a while; its emails are held back until then.

    Raises:
        AccessEnded, PermissionLost: `by` may not act any more (see `actors.acting`).
    """
    outcome = _judged(transition, ids, by=by, even_unverified=even_unverified)
    if not outcome.succeeded:
        return outcome

    now = timezone.now()
    until = None
    if undo and undo.window and transition.decides and by.user is not None:
        until = now + undo.window
        outcome.decision = undo.remember(transition, outcome.succeeded, by=by, at=now, until=until)
    events = []
    by_target: dict[Status, list[User]] = {}
    for user in outcome.succeeded:
        target = transition.target_of(user)
        changes = _changes(transition, user, target, now=now, suspended_until=suspended_until)
        events.append(event(transition.action, user, by=by, reason=reason, note=note, changes=changes))
        by_target.setdefault(target, []).append(user)
    for target, group in by_target.items():
        _write(transition, target, group, now=now, reason=reason, suspended_until=suspended_until)
    record(events)

    if transition.ends_access:
        revoke_access(outcome.succeeded)
    waiting = by_target.get(Status.PENDING_ADMIN_APPROVAL)
    if waiting:
        approvers_hear("person_waits", waiting, by=by)
    if notify:
        _notify(transition, outcome.succeeded, at=now, reason=reason, suspended_until=suspended_until, not_before=until)
    for user in outcome.succeeded:
        send_signal(transition.signal, user, by=by)
    return outcome


def _judged(transition: Transition, ids: Collection[Any], *, by: Actor, even_unverified: bool) -> Outcome:
    """Lock the rows and return who can be changed, and who can't and why."""
    if transition.takes_active:
        lock_superusers_among(ids)
    # Rows are locked in key order, so that two transitions of the same people can't deadlock.
    people: list[User] = lock_accounts(ids, by=by)
    found = {user.pk for user in people}
    outcome = Outcome(missing=[key for key in dict.fromkeys(ids) if key not in found])
    decisions = last_decisions(people, transition)
    for user in people:
        refusal = refusal_to_touch(user, by=by) or check_transition(
            user, transition, even_unverified=even_unverified, decision=decisions.get(str(user.pk))
        )
        if refusal is None:
            outcome.succeeded.append(user)
        else:
            outcome.refused.append((user, refusal))
    _keep_a_superuser(transition, outcome)
    return outcome


def _keep_a_superuser(transition: Transition, outcome: Outcome) -> None:
    leaving = [user for user in outcome.succeeded if user.is_superuser and user.status == Status.ACTIVE]
    if leaving and not leaves_a_superuser([user.pk for user in leaving]):
        outcome.succeeded = [user for user in outcome.succeeded if user not in leaving]
        outcome.refused += [(user, LastSuperuser()) for user in leaving]


def _write(
    transition: Transition,
    target: Status,
    people: list[User],
    *,
    now: datetime,
    reason: str,
    suspended_until: datetime | None,
) -> None:
    common: dict[str, Any] = {"status_reason": reason, "suspended_until": suspended_until, "updated_at": now}
    if transition.decides:
        common["decided_at"] = now
    counted = {"rejection_count": F("rejection_count") + 1} if target is Status.REJECTED else {}
    placed: dict[str, Any] = {}
    for user in people:
        placed = user.set_status(target, at=now)
        for name, value in common.items():
            setattr(user, name, value)
        if counted:
            user.rejection_count += 1
    User.objects.filter(pk__in=[user.pk for user in people]).update(**placed, **common, **counted)
    _forget_ends([user for user in people if _end_is_over(user, target, now)])


def _changes(
    transition: Transition, user: User, target: Status, *, now: datetime, suspended_until: datetime | None
) -> dict[str, Any]:
    """Return what the transition changes, for the audit log."""
    changes: dict[str, Any] = {"status": [user.status, target]}
    if user.suspended_until != suspended_until:
        changes["suspended_until"] = [user.suspended_until, suspended_until]
    if _end_is_over(user, target, now):
        changes["access_ends_at"] = [user.access_ends_at, None]
    if transition is APPROVE and user.email_verified_at is None:
        changes["even_unverified"] = [None, True]
    return changes


def _end_is_over(user: User, target: Status, now: datetime) -> bool:
    """Return whether the end of access has passed and the transition makes it obsolete.

    It is then removed: an account that is let in later would otherwise be deactivated again at once.
    """
    has_passed = user.access_ends_at is not None and user.access_ends_at <= now
    return has_passed and target in {Status.ACTIVE, Status.DEACTIVATED}


def _forget_ends(people: list[User]) -> None:
    if people:
        User.objects.filter(pk__in=[user.pk for user in people]).update(access_ends_at=None)
    for user in people:
        user.access_ends_at = None


def _notify(
    transition: Transition,
    people: list[User],
    *,
    at: datetime,
    reason: str,
    suspended_until: datetime | None,
    not_before: datetime | None,
) -> None:
    until = suspended_until.isoformat() if suspended_until else ""
    said = {"reason": reason, "until": until, "at": at.isoformat()}
    queue_email_at(not_before, transition.email, [user.pk for user in people], key=at.isoformat(), context=said)
