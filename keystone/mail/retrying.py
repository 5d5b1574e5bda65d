"""Retry mails that were not sent."""

import random
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from keystone.background.retries import doubled
from keystone.conf import options
from keystone.mail.claims import Claim, held
from keystone.mail.failures import Failure
from keystone.mail.models import MailState, OutgoingMail, OutgoingMailQuerySet

# By default 10 seconds, 20, 40 … 4 hours: twenty attempts in about a day and a half, see RFC 5321, section 4.5.4.1.
LONGEST_WAIT = timedelta(hours=4)
MAX_ATTEMPTS = 20
OVERDUE = timedelta(minutes=1)
JITTER = 0.2  # of the wait, up or down: mails that failed together are not retried together


def wait_after(attempts: int) -> timedelta:
    """Return how long to wait after this many attempts."""
    wait = doubled(options().mail_retry_after, failures=min(attempts, MAX_ATTEMPTS), longest=LONGEST_WAIT)
    return wait * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - not used for security


def retry(claimed: Claim, failure: Failure) -> datetime | None:
    """Save why a mail was not sent, and schedule its next attempt.

    Returns:
        The time of the next attempt (UTC); None if another worker has claimed the mail.
    """
    at = timezone.now() + wait_after(claimed.mail.attempts)
    return at if claimed.settle(next_attempt_at=at, last_error=failure.reason) else None


@transaction.atomic
def put_off(claims: Collection[Claim], failure: Failure) -> datetime:
    """Postpone mails that were not tried because another one's failure has shown that none can be sent.

    It counts as an attempt for each of them.

    Returns:
        The time of their next attempt, the same for all (UTC).
    """
    now = timezone.now()
    at = now + wait_after(1 + min(claim.mail.attempts for claim in claims))
    attempts, rows = F("attempts") + 1, _locked(claims)
    rows.update(attempts=attempts, last_error=failure.reason, next_attempt_at=at, claimed_until=None, updated_at=now)
    rows.filter(attempts__gte=MAX_ATTEMPTS).update(state=MailState.FAILED)
    return at


@transaction.atomic
def release(claims: Collection[Claim]) -> None:
    """Release the claims, so that any worker can claim the mails."""
    _locked(claims).update(claimed_until=None)


def overdue() -> int:
    """Return how many mails have been due for longer than `OVERDUE` without being claimed."""
    return OutgoingMail.objects.due().filter(next_attempt_at__lte=timezone.now() - OVERDUE).count()


def _locked(claims: Collection[Claim]) -> OutgoingMailQuerySet:
    """Return the rows of the claims that are still valid, locked in the order that all code locks them in."""
    rows = held(claims).order_by("pk").select_for_update(no_key=True)
    return OutgoingMail.objects.filter(pk__in=list(rows.values_list("pk", flat=True)))
