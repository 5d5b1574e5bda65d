"""Claims on mails: one worker at a time sends a mail, for a limited time."""

import logging
import time
from collections.abc import Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import InterfaceError, OperationalError, connection
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from keystone.database.short_transactions import short_transaction
from keystone.mail.models import OutgoingMail, OutgoingMailQuerySet

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=30)
IDLE = timedelta(seconds=10)  # after which PostgreSQL ends the transaction of a worker that was stopped while it claims
MOMENTS = 20  # more than one batch leaves
BATCH_SIZE = 100  # mails that are claimed together and share a connection


@dataclass(frozen=True)
class Claim:
    """A mail that only this worker may send until the deadline.

    Attributes:
        until: (UTC) the value stored in the row; it identifies this claim among all claims of the same mail.
        deadline: (seconds of the monotonic clock) when the claim ends, independent of the machines' clocks.
    """

    mail: OutgoingMail
    until: datetime
    deadline: float

    @property
    def seconds_left(self) -> float:
        return self.deadline - time.monotonic()

    def begin(self) -> bool:
        """Count an attempt. Call it before doing anything that could end this process.

        Returns:
            False if the mail was cancelled, or another worker has claimed it since.
        """
        self.mail.attempts += 1
        return held([self]).update(attempts=F("attempts") + 1) == 1

    def settle(self, **values: Any) -> bool:
        """Write the result and end the claim.

        It changes nothing if this worker was stopped for longer than its claim and another one has claimed the mail.

        Returns:
            Whether this worker still held the claim.
        """
        return held([self]).update(**values, claimed_until=None, updated_at=timezone.now()) == 1

    def settle_surely(self, **values: Any) -> bool:
        """Settle the claim, retrying while it lasts if the database is unavailable.

        The mail server has accepted the mail: without the result in the database it would be sent a second time.
        """
        while True:
            try:
                return self.settle(**values)
            except (OperationalError, InterfaceError):
                if connection.in_atomic_block or self.seconds_left <= 0:
                    raise
                logger.warning("Mail %s is sent, but the database does not take it down. Trying again.", self.mail.pk)
                connection.close()
                time.sleep(0.5)


def held(claims: Collection[Claim]) -> OutgoingMailQuerySet:
    """Return the rows of the claims that are still valid. All of them must come from one call of `claim_due()`."""
    until = {claim.until for claim in claims}
    return OutgoingMail.objects.queued().filter(pk__in=[claim.mail.pk for claim in claims], claimed_until__in=until)


def claim_due(*, only: Collection[int] | None = None) -> list[Claim]:
    """Claim up to `BATCH_SIZE` due mails, the longest overdue first.

    Args:
        only: the primary keys of the mails to choose from; None for all.
    """
    deadline = time.monotonic() + LEASE.total_seconds()
    due = OutgoingMail.objects.due().order_by("next_attempt_at", "pk")
    if only is not None:
        due = due.filter(pk__in=only)
    with unblocking_transaction():
        mails = list(due.select_for_update(skip_locked=True, no_key=True).annotate(now=Now())[:BATCH_SIZE])
        if not mails:
            return []
        until: datetime = mails[0].now + LEASE  # type: ignore[attr-defined]  # annotated: one clock for all machines
        OutgoingMail.objects.filter(pk__in=[mail.pk for mail in mails]).update(claimed_until=until)
    return [Claim(mail, until, deadline) for mail in mails]


def unblocking_transaction() -> AbstractContextManager[None]:
    """Open a transaction that PostgreSQL ends if this process is stopped for longer than `IDLE`."""
    return short_transaction(idle_in_transaction_session_timeout=f"{IDLE.seconds}s")


def moments_to_come() -> list[datetime]:
    """Return when mails can be claimed again that are claimed now, and when the next retries are due (UTC)."""
    queued = OutgoingMail.objects.queued()
    claimed = queued.filter(claimed_until__gt=Now()).order_by("claimed_until")
    failed = queued.filter(next_attempt_at__gt=Now(), attempts__gt=0).order_by("next_attempt_at")
    ends = claimed.values_list("claimed_until", flat=True).distinct()[:MOMENTS]
    return [end for end in ends if end] + list(failed.values_list("next_attempt_at", flat=True).distinct()[:MOMENTS])
