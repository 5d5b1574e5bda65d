"""Reset and delete counts of attempts."""

from typing import Any

from keystone.background.batches import delete_in_chunks
from keystone.throttling.models import AttemptWindow, AttemptWindowQuerySet, Limit


def reset_code_attempts(user: Any) -> None:
    """Allow codes of this user again. Whoever guessed them knew a password that is no longer valid."""
    AttemptWindow.objects.filter(limit=Limit.CODE, address=user.email_normalized).delete()


def limits_of(user: Any) -> AttemptWindowQuerySet:
    """Return the running windows of a user's email address."""
    return AttemptWindow.objects.running().filter(address=user.email_normalized)


def delete_ended_windows() -> int:
    """Delete the windows that have ended. Call this outside a transaction.

    Returns:
        The number of windows that were deleted.
    """
    return delete_in_chunks(AttemptWindow.objects.ended())
