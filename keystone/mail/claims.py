"""Claims on mails: one worker at a time sends a mail, for a limited time."""

import logging
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from keystone.mail.models import OutgoingMail, OutgoingMailQuerySet

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=30)
BATCH_SIZE = 100  # mails that are claimed together, and share a connection


@dataclass(frozen=True)
class Claim:
    """A mail that this worker, and no other, may send until the deadline.

    Attributes:
        until: (UTC) what the row says; nobody else's claim of the same mail is the same.
        deadline: (seconds of the monotonic clock) when it ends, whatever time the machines' clocks tell.
    """

    mail: OutgoingMail
    until: datetime
    deadline: float

    @property
    def seconds_left(self) -> float:
        """How long it is still good for."""
        return self.deadline - time.monotonic()

    def begin(self) -> bool:
        """Count an attempt. Call it before anything is done that could end this process.

        Returns:
            False where the mail was cancelled, or another worker has claimed it since.
        """
        self.mail.attempts += 1
        return self._rows().update(attempts=F("attempts") + 1) == 1

    def settle(self, **values: Any) -> bool:
        """Write the result and end the claim.

        A worker that was stopped for longer than its claim changes nothing where another one has taken the mail.

        Returns:
            Whether the mail was still this worker's.
        """
        return self._rows().update(**values, claimed_until=None, updated_at=timezone.now()) == 1

    def settle_surely(self, **values: Any) -> bool:
        """As `settle`, but where the database has gone away, try again while the claim lasts.

        The mail server has taken the mail: what is not written down is sent a second time.
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

    def _rows(self) -> OutgoingMailQuerySet:
        return held([self])


def held(claims: Collection[Claim]) -> OutgoingMailQuerySet:
    """The rows of those of these claims, made together, that still hold."""
    until = {claim.until for claim in claims}
    return OutgoingMail.objects.queued().filter(pk__in=[claim.mail.pk for claim in claims], claimed_until__in=until)


@transaction.atomic
def claim_due(*, only: Collection[int] | None = None) -> list[Claim]:
    """Claim up to `BATCH_SIZE` mails that are due, those first that have been for longest.

    Args:
        only: the keys of the mails to choose from; None for all.
    """
    with connection.cursor() as cursor:  # a worker that is stopped right here does not keep the rows locked
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = '10s'")
    deadline = time.monotonic() + LEASE.total_seconds()
    due = OutgoingMail.objects.due().order_by("next_attempt_at", "pk")
    if only is not None:
        due = due.filter(pk__in=only)
    mails = list(due.select_for_update(skip_locked=True, no_key=True).annotate(now=Now())[:BATCH_SIZE])
    if not mails:
        return []
    until: datetime = mails[0].now + LEASE  # type: ignore[attr-defined]  # the annotation: one clock for all machines
    OutgoingMail.objects.filter(pk__in=[mail.pk for mail in mails]).update(claimed_until=until)
    return [Claim(mail, until, deadline) for mail in mails]
