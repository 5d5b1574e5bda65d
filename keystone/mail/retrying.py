"""Retry mails that were not sent."""

import random
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import F
from django.utils import timezone

from keystone.background.retries import doubled
from keystone.conf import options
from keystone.mail.claims import Claim, held, unblocking_transaction
from keystone.mail.failures import Failure
from keystone.mail.models import MailState, OutgoingMail, OutgoingMailQuerySet

# By default 10 seconds, 20, 40 … 4 hours: twenty attempts in about a day and a half, see RFC 5321, section 4.5.4.1.
LONGEST_WAIT = timedelta(hours=4)
MAX_ATTEMPTS = 20
OVERDUE = timedelta(minutes=1)
JITTER = 0.2  # of the wait, up or down


@dataclass(frozen=True)
class Schedule:
    """The times of the next attempts at the mails of one batch: the same for all with the same number of attempts.

    Attributes:
        began: when the batch began (UTC).
        jitter: what the waits are multiplied by, so that batches that failed together are not retried together.
    """

    began: datetime = field(default_factory=timezone.now)
    jitter: float = field(default_factory=lambda: random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311 - no secret

    def after(self, attempts: int) -> datetime:
        """Return the time of the next attempt after this many."""
        failures = min(attempts, MAX_ATTEMPTS)
        return self.began + self.jitter * doubled(options().mail_retry_after, failures=failures, longest=LONGEST_WAIT)


def retry(claimed: Claim, failure: Failure, schedule: Schedule) -> datetime | None:
    """Save why a mail was not sent, and schedule its next attempt.

    Returns:
        The time of the next attempt (UTC); None if another worker has claimed the mail.
    """
    at = schedule.after(claimed.mail.attempts)
    return at if claimed.settle(next_attempt_at=at, last_error=failure.reason) else None


def put_off(claims: Collection[Claim], failure: Failure, schedule: Schedule) -> datetime:
    """Postpone mails that were not tried because another one's failure has shown that none can be sent.

    It counts as an attempt for each of them.

    Returns:
        The time of their next attempt, the same for all (UTC).
    """
    now, at = timezone.now(), schedule.after(1 + min(claim.mail.attempts for claim in claims))
    with unblocking_transaction():
        attempts, rows = F("attempts") + 1, _locked(claims)
        rows.update(
            attempts=attempts, last_error=failure.reason, next_attempt_at=at, claimed_until=None, updated_at=now
        )
        rows.filter(attempts__gte=MAX_ATTEMPTS).update(state=MailState.FAILED)
    return at


def release(claims: Collection[Claim]) -> None:
    """Release the claims, so that any worker can claim the mails."""
    with unblocking_transaction():
        _locked(claims).update(claimed_until=None)


def overdue() -> int:
    """Return how many mails have been due for longer than `OVERDUE` without being claimed."""
    return OutgoingMail.objects.due().filter(next_attempt_at__lte=timezone.now() - OVERDUE).count()


def _locked(claims: Collection[Claim]) -> OutgoingMailQuerySet:
    """Return the rows of the claims that are still valid, locked in the order that all code locks them in."""
    rows = held(claims).order_by("pk").select_for_update(no_key=True)
    return OutgoingMail.objects.filter(pk__in=list(rows.values_list("pk", flat=True)))
