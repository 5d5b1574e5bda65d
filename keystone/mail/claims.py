"""Claims on mails: one worker at a time sends a mail, for a limited time."""

import logging
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from keystone.mail.models import OutgoingMail, OutgoingMailQuerySet

logger = logging.getLogger(__name__)

# The tasks of a killed worker come back within 45 seconds; by then its mails are free, too.
LEASE = timedelta(seconds=30)


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

    def settle(self, **values: Any) -> bool:
        """Write what came of the mail and end the claim.

        A worker that was stopped for longer than its claim changes nothing where another one has taken the mail.

        Returns:
            Whether the mail was still this worker's.
        """
        rows = OutgoingMail.objects.queued().filter(pk=self.mail.pk, claimed_until=self.until)
        return rows.update(**values, claimed_until=None, updated_at=timezone.now()) == 1

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


def free() -> Q:
    """What nobody has claimed, or for longer than a claim lasts."""
    return Q(claimed_until=None) | Q(claimed_until__lte=Now())


def due(mail_ids: Collection[int]) -> OutgoingMailQuerySet:
    """Those of these mails that are to be sent by now, whoever may be at it."""
    come = Q(next_attempt_at=None) | Q(next_attempt_at__lte=Now())
    return OutgoingMail.objects.queued().filter(come, pk__in=mail_ids)


@transaction.atomic
def claim(mail_id: int) -> Claim | None:
    """Take a mail that is due; None where it is not, or another worker has it."""
    with connection.cursor() as cursor:  # a worker that is stopped right here does not keep the row locked
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = '10s'")
    deadline = time.monotonic() + LEASE.total_seconds()
    row = due([mail_id]).filter(free()).select_related("user")
    mail = row.select_for_update(skip_locked=True, no_key=True, of=("self",)).annotate(at=Now()).first()
    if mail is None:
        return None
    mail.attempts += 1
    mail.claimed_until = until = mail.at + LEASE  # type: ignore[attr-defined]  # the annotation: one clock for all machines
    mail.save(update_fields=["attempts", "claimed_until"])
    return Claim(mail, until, deadline)
