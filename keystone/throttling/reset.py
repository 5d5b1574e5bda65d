"""Lifting attempt limits before their time, and forgetting those that have ended."""

from collections.abc import Collection

from django.db import transaction

from keystone.accounts.authority import refusal_to_touch
from keystone.accounts.models import User
from keystone.audit.acting import lock_actor
from keystone.audit.actor import Actor
from keystone.audit.log import event, record
from keystone.background.batches import delete_in_chunks
from keystone.throttling.models import AttemptWindow, AttemptWindowQuerySet, Limit


@transaction.atomic
def lift_limits(windows: Collection[int], *, by: Actor) -> int:
    """Begin anew with counting; whoever was refused may try again at once.

    Args:
        windows: the keys of the rows.
        by: who lifts them; it is noted in the audit log. Limits of accounts that they may not touch stay.

    Returns:
        How many were lifted.
    """
    lock_actor(by)
    # Locked in the order in which an attempt counts them (their names happen to have it), so that none blocks another.
    running = AttemptWindow.objects.running().filter(pk__in=windows).order_by("-limit", "pk").select_for_update()
    rows = list(running)
    owners = User.objects.filter(email_normalized__in={row.address for row in rows if row.address})
    barred = {user.email_normalized for user in owners if refusal_to_touch(user, by=by, own=True)}
    rows = [row for row in rows if row.address not in barred]
    changes = [{"counted_by": [row.limit, None], "attempts": [row.count, 0]} for row in rows]
    record(event("attempts.lifted", row, by=by, changes=change) for row, change in zip(rows, changes, strict=True))
    AttemptWindow.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return len(rows)


def lift_limits_of(user: User, *, by: Actor) -> int:
    """Lift every limit that holds a person back by their address, from wherever.

    Returns:
        How many were lifted.
    """
    return lift_limits(list(limits_of(user).values_list("pk", flat=True)), by=by)


def forget_code_attempts(user: User) -> None:
    """Let a person's codes be tried again: who guessed at them knew a password that is not theirs any more."""
    AttemptWindow.objects.filter(limit=Limit.CODE, address=user.email_normalized).delete()


def limits_of(user: User) -> AttemptWindowQuerySet:
    """The running windows of a person's address."""
    return AttemptWindow.objects.running().filter(address=user.email_normalized)


def forget_ended_windows() -> int:
    """Delete the windows that count no more. Call it outside a transaction.

    Returns:
        How many there were.
    """
    return delete_in_chunks(AttemptWindow.objects.ended())
