"""Whether and when a failed task is retried."""

import secrets
from datetime import datetime, timedelta

from django.utils import timezone

FIRST_DELAY = timedelta(seconds=10)
LONGEST_DELAY = timedelta(hours=1)
# While a new version is rolled out, a worker with the old code meets tasks that only the new one knows.
OTHER_CODE = timedelta(seconds=30)  # until such a task is looked at again, by whichever worker comes first
OTHER_CODE_PATIENCE = timedelta(minutes=30)  # until it has failed
_random = secrets.SystemRandom()


class RetryLater(Exception):  # noqa: N818 - it is no error
    """A task raises it when it can do nothing yet, and knows when to look again.

    It is no failure: it uses up no attempt and leaves no error behind, so the task itself must know when to give up.

    Args:
        why: for the log.
        after: how long to wait from now.
        at: the moment instead, aware.

    Raises:
        ValueError: not one of `after` and `at`, or a moment without a time zone.
    """

    def __init__(self, why: str = "", *, after: timedelta | None = None, at: datetime | None = None) -> None:
        super().__init__(why)
        if (after is None) == (at is None):
            raise ValueError("RetryLater takes either after= or at=.")
        if at is not None and timezone.is_naive(at):
            raise ValueError("RetryLater(at=...) takes a moment with a time zone.")
        self.at = at if at is not None else timezone.now() + (after or timedelta())


class GiveUp(Exception):  # noqa: N818 - what a task says
    """A task raises it when another attempt could only fail as this one did: it is left to an administrator at once."""


def doubled(first: timedelta, *, failures: int, longest: timedelta) -> timedelta:
    """The wait after so many failures (from 1): the first one, then twice as long each time, up to the longest."""
    wait: timedelta = min(first * 2 ** min(failures - 1, 20), longest)
    return wait


def next_attempt(*, failures: int, max_attempts: int) -> datetime | None:
    """When to try again after this many failures, or None where that was the last attempt.

    The wait doubles with each failure up to an hour. Half of it is chance, so that what failed together, because
    something that all need was away, does not come back together.

    Args:
        failures: this one included; from 1.
        max_attempts: of the task.
    """
    if failures >= max_attempts:
        return None
    delay = doubled(FIRST_DELAY, failures=failures, longest=LONGEST_DELAY)
    again_at: datetime = timezone.now() + delay * _random.uniform(0.5, 1)
    return again_at
