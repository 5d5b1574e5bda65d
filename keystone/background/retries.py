"""Decide whether and when a failed task is retried."""

import secrets
from datetime import datetime, timedelta

from django.utils import timezone

FIRST_DELAY = timedelta(seconds=10)
LONGEST_DELAY = timedelta(hours=1)
# While a new version is rolled out, workers with the old code meet tasks that only the new code knows.
OTHER_CODE = timedelta(seconds=30)  # until any worker tries such a task again
OTHER_CODE_PATIENCE = timedelta(minutes=30)  # until it counts as failed
_random = secrets.SystemRandom()


class RetryLater(Exception):  # noqa: N818 - not an error
    """Raised by a task that cannot do anything yet and knows when to try again.

    It is not a failure: it uses up no attempt and leaves no error behind, so the task itself must decide when to give
    up.

    Args:
        why: the reason, for the log.
        after: how long to wait from now.
        at: the time to try again instead; must be aware.

    Raises:
        ValueError: not exactly one of `after` and `at` is given, or `at` is naive.
    """

    def __init__(self, why: str = "", *, after: timedelta | None = None, at: datetime | None = None) -> None:
        super().__init__(why)
        if (after is None) == (at is None):
            raise ValueError("RetryLater takes either after= or at=.")
        if at is not None and timezone.is_naive(at):
            raise ValueError("RetryLater(at=...) takes a moment with a time zone.")
        self.at = at if at is not None else timezone.now() + (after or timedelta())


class GiveUp(Exception):  # noqa: N818 - a signal of the task
    """Raised by a task if another attempt could only fail in the same way. It is left to an administrator at once."""


def doubled(first: timedelta, *, failures: int, longest: timedelta) -> timedelta:
    """Return the wait after this many failures (from 1): `first`, doubled each time, up to `longest`."""
    wait: timedelta = min(first * 2 ** min(failures - 1, 20), longest)
    return wait


def next_attempt(*, failures: int, max_attempts: int) -> datetime | None:
    """Return when to retry after this many failures, or None if that was the last attempt.

    The wait doubles with each failure, up to an hour. Half of it is random, so that tasks that failed together because
    something they all need was away are not retried together.

    Args:
        failures: the number of failures including this one; from 1.
        max_attempts: the limit of the task.
    """
    if failures >= max_attempts:
        return None
    delay = doubled(FIRST_DELAY, failures=failures, longest=LONGEST_DELAY)
    again_at: datetime = timezone.now() + delay * _random.uniform(0.5, 1)
    return again_at
