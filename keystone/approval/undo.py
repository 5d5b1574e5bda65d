"""Undo a decision: within a minute, by the person who made it, before its mail goes out.

The admin asks `transition_users` to hold a decision's mails back. Until they are due, `DecisionUndo` keeps what the
decision changed, and `undo_decision` restores it and cancels the mails. An approved person can sign in during that
time; an undo ends their sessions.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models, transaction
from django.db.models import F, OuterRef, Subquery
from django.dispatch import Signal
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from keystone.accounts import signals, tokens
from keystone.accounts.authority import refusal_to_touch
from keystone.accounts.models import User
from keystone.accounts.revoke_access import revoke_access
from keystone.accounts.send_signals import send_signal
from keystone.accounts.status import Status
from keystone.accounts.transition_rules import (
    APPROVAL_UNDONE,
    APPROVE,
    REJECT,
    REJECTION_UNDONE,
    TRANSITIONS,
    Transition,
)
from keystone.actors.acting import lock_accounts
from keystone.actors.actor import Actor
from keystone.audit.log import event, record
from keystone.background.batches import delete_in_chunks
from keystone.exceptions import Refusal
from keystone.mail.cancelling import cancel_unsent

# For each decision that can be undone: the audit log action and the signal of its undo.
UNDONE: dict[str, tuple[str, Signal]] = {
    APPROVE.name: (APPROVAL_UNDONE, signals.user_approval_undone),
    REJECT.name: (REJECTION_UNDONE, signals.user_rejection_undone),
}


class DecisionUndo(models.Model):
    """The state of a person's account before a decision that can still be undone.

    Attributes:
        decision: the same for everybody who was decided on together.
        by: who decided; nobody else can undo it.
        decided_at: the time of the decision (UTC); equal to `User.status_changed_at` while the decision stands.
        until: when the email is due and the decision becomes final (UTC).
        links: the keys of the one-time tokens that worked before.
    """

    user = models.OneToOneField(settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="+")
    decision = models.UUIDField(db_index=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    transition = models.CharField(max_length=16, choices=[(name, name) for name in UNDONE])
    decided_at = models.DateTimeField()
    until = models.DateTimeField(db_index=True)
    status_before = models.CharField(max_length=32, choices=Status)
    status_changed_at_before = models.DateTimeField()
    status_reason_before = models.TextField(blank=True)
    decided_at_before = models.DateTimeField(null=True)
    access_ends_at_before = models.DateTimeField(null=True)
    links = ArrayField(models.BigIntegerField(), default=list)

    class Meta:
        verbose_name = _("decision that can be undone")
        verbose_name_plural = _("decisions that can be undone")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.transition} {self.user_id}"


class NothingToUndo(Refusal):
    """The decision is final, was already undone, or was made by somebody else."""

    code = "nothing_to_undo"
    message: ClassVar[str | Promise] = _("This decision can no longer be undone.")


class ChangedSinceDecision(Refusal):
    """The account has changed since the decision."""

    code = "changed_since_decision"
    message: ClassVar[str | Promise] = _("The account has changed since the decision.")


class AlreadyMailed(Refusal):
    """The email about the decision was already sent."""

    code = "already_mailed"
    message: ClassVar[str | Promise] = _("The mail about the decision has already been sent.")


@dataclass
class UndoOutcome:
    """The result of an undo: for whom the decision was undone, and for whom not and why."""

    transition: Transition
    undone: list[User] = field(default_factory=list)
    refused: list[tuple[User, Refusal]] = field(default_factory=list)


def remember(
    transition: Transition, people: Collection[User], *, by: Actor, at: datetime, until: datetime
) -> uuid.UUID:
    """Store what `move` is about to change. Call it in its transaction, with the rows locked and not yet written.

    Returns:
        The id that `undo_decision` takes.
    """
    decision = uuid.uuid4()
    links = tokens.outstanding([user.pk for user in people])
    rows = [
        DecisionUndo(
            user=user,
            decision=decision,
            by=by.user,
            transition=transition.name,
            decided_at=at,
            until=until,
            status_before=user.status,
            status_changed_at_before=user.status_changed_at,
            status_reason_before=user.status_reason,
            decided_at_before=user.decided_at,
            access_ends_at_before=user.access_ends_at,
            links=links.get(user.pk, []),
        )
        for user in people
    ]
    columns = [column.name for column in DecisionUndo._meta.concrete_fields if not column.primary_key]
    DecisionUndo.objects.bulk_create(
        rows, batch_size=1_000, update_conflicts=True, unique_fields=["user"], update_fields=columns
    )
    return decision


@transaction.atomic
def undo_decision(decision: uuid.UUID, *, by: Actor) -> UndoOutcome:
    """Undo a decision for everybody who was decided on together, and cancel their emails.

    Accounts that were changed since, or whose email a worker has already started to send, stay as decided and are
    listed in the outcome.

    Raises:
        NothingToUndo: the time is over, it was already undone, or `by` did not make the decision.
    """
    mine = DecisionUndo.objects.filter(
        decision=decision, by=by.user.pk if by.user is not None else None, until__gt=timezone.now()
    )
    # The same locks in the same order as `transition`, so that an undo and another decision take turns.
    ids = list(mine.values_list("pk", flat=True))
    people: list[User] = lock_accounts(ids, by=by)
    rows = {row.pk: row for row in mine.filter(pk__in=ids).order_by("pk").select_for_update()}
    if not rows:
        raise NothingToUndo
    outcome = UndoOutcome(TRANSITIONS[next(iter(rows.values())).transition])
    for user in people:
        refusal = _refusal(user, rows.get(user.pk), outcome.transition, by=by)
        if refusal is None:
            outcome.undone.append(user)
        else:
            outcome.refused.append((user, refusal))
    _refuse_mailed(outcome, rows)
    if outcome.undone:
        _restore(outcome, rows, by=by)
    return outcome


def undoable(decision: uuid.UUID, *, by: User) -> models.QuerySet[DecisionUndo]:
    """Return the rows of a decision that `by` can still undo."""
    rows = DecisionUndo.objects.filter(decision=decision, by=by, until__gt=timezone.now())
    return rows.select_related("user").order_by("pk")


def delete_final() -> int:
    """Delete what is kept for decisions that are final. Call it outside a transaction.

    Returns:
        The number of deleted rows.
    """
    return delete_in_chunks(DecisionUndo.objects.filter(until__lte=timezone.now()))


def mail_key(transition: Transition, at: datetime) -> str:
    """Return the part of the emails' idempotency keys that identifies the decision."""
    return f"{transition.email}:{at.isoformat()}"


def _refusal(user: User, row: DecisionUndo | None, transition: Transition, *, by: Actor) -> Refusal | None:
    if row is None:
        return NothingToUndo()
    stands = user.status == transition.target and user.status_changed_at == row.decided_at
    if not stands or user.updated_at != row.decided_at:
        return ChangedSinceDecision()
    return refusal_to_touch(user, by=by)


def _refuse_mailed(outcome: UndoOutcome, rows: dict[Any, DecisionUndo]) -> None:
    """Cancel the emails. Refuse the people whose email is being sent or was sent."""
    keys = {f"{mail_key(outcome.transition, rows[user.pk].decided_at)}:{user.pk}": user for user in outcome.undone}
    mailed = {keys[key].pk for key in cancel_unsent(keys)}
    outcome.refused += [(user, AlreadyMailed()) for user in outcome.undone if user.pk in mailed]
    outcome.undone = [user for user in outcome.undone if user.pk not in mailed]


def _restore(outcome: UndoOutcome, rows: dict[Any, DecisionUndo], *, by: Actor) -> None:
    action, signal = UNDONE[outcome.transition.name]
    ids = [user.pk for user in outcome.undone]
    before = DecisionUndo.objects.filter(pk=OuterRef("pk"))
    columns = ("status", "status_changed_at", "status_reason", "decided_at", "access_ends_at")
    counted = {"rejection_count": F("rejection_count") - 1} if outcome.transition is REJECT else {}
    restored = {name: Subquery(before.values(f"{name}_before")[:1]) for name in columns}
    User.objects.filter(pk__in=ids).update(**restored, **counted, updated_at=timezone.now())
    if outcome.transition is APPROVE:
        revoke_access(outcome.undone, keep_links=True)
    tokens.restore([link for key in ids for link in rows[key].links if outcome.transition is REJECT])
    outcome.undone = list(User.objects.filter(pk__in=ids).order_by("pk"))
    decided = outcome.transition.target
    record(event(action, user, by=by, changes={"status": [decided, user.status]}) for user in outcome.undone)
    for user in outcome.undone:
        send_signal(signal, user, by=by)
    DecisionUndo.objects.filter(pk__in=ids).delete()
