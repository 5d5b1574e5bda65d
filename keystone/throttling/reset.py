"""Reset and delete counts."""

from typing import Any

from keystone.background.batches import delete_in_chunks
from keystone.throttling.models import AttemptWindow, AttemptWindowQuerySet, Limit


def reset_code_attempts(user: Any) -> None:
    """Let a person's codes be tried again: who guessed at them knew a password that is not theirs any more."""
    AttemptWindow.objects.filter(limit=Limit.CODE, address=user.email_normalized).delete()


def limits_of(user: Any) -> AttemptWindowQuerySet:
    """The running windows of a person's address."""
    return AttemptWindow.objects.running().filter(address=user.email_normalized)


def delete_ended_windows() -> int:
    """Delete the windows that count no more. Call it outside a transaction.

    Returns:
        How many there were.
    """
    return delete_in_chunks(AttemptWindow.objects.ended())
