"""Limit the mails that strangers can trigger to an email address, for all kinds of mail and any number of IP addresses.

Anybody can register an email address, request a password reset for it, or request it as their own new one. The waits
between such mails increase, and there are at most `unasked_mails_per_day` in any 24 hours. Callers must respond in the
same way whether the mail is sent or not.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from keystone import email_address
from keystone.conf import options
from keystone.throttling.models import AttemptWindow, Limit

DAY = timedelta(days=1)

# Lock the row of the email address, creating it if there is none. The time returned is read after waiting for the lock.
LOCK = """
INSERT INTO keystone_attemptwindow AS mails ("limit", address, source, count, started_at, ends_at, times)
VALUES (%(limit)s, %(address)s, '', 0, statement_timestamp(), statement_timestamp() + %(day)s, '{}')
ON CONFLICT ("limit", address, source) DO UPDATE SET address = excluded.address
RETURNING id, times, clock_timestamp()
"""


@transaction.atomic
def count_unasked_mail(address: str) -> bool:
    """Count a mail triggered by somebody who may not be the owner of the email address.

    Call this in the transaction that queues the mail, so that a rollback undoes both. Concurrent callers are counted
    one at a time.

    Args:
        address: a valid email address, in any spelling.

    Returns:
        Whether the mail may be sent. A refused mail is not counted, but the refusal is shown to administrators.
    """
    with connection.cursor() as cursor:
        values: dict[str, Any] = {"limit": Limit.MAILS.value, "address": email_address.normalize(address), "day": DAY}
        cursor.execute(LOCK, values)
        key, times, now = cursor.fetchone()
    lately = sorted(time for time in [*times, *_taken_from_erased(address)] if time > now - DAY)
    row = AttemptWindow.objects.filter(pk=key)
    if lately and now < _next_mail_at(lately):
        row.update(times=lately, count=len(lately), refused_at=now)
        return False
    lately.append(now)
    row.update(times=lately, count=len(lately), started_at=lately[0], ends_at=now + DAY, refused_at=None)
    return True


def keep_counts_of_erased(addresses: Collection[str]) -> None:
    """Keep the counts of mails to these email addresses under a pseudonym. Call this before the rows are deleted.

    Otherwise users could erase an account to trigger more mails to the email addresses that it had requested.
    """
    rows = AttemptWindow.objects.running().filter(limit=Limit.MAILS, address__in=addresses).order_by("address")
    kept = list(rows.select_for_update())
    for row in kept:
        row.pk, row.address, row.refused_at = None, email_address.pseudonym(row.address), None
    AttemptWindow.objects.bulk_create(kept)


def _taken_from_erased(address: str) -> list[datetime]:
    """Take over the mails counted before an erasure. Call this with the row of the email address locked."""
    erased = AttemptWindow.objects.filter(
        limit=Limit.MAILS, address=email_address.pseudonym(email_address.normalize(address))
    )
    times = erased.values_list("times", flat=True).first() or []
    erased.delete()
    return times


def _next_mail_at(times: list[datetime]) -> datetime:
    """Return when the next mail may be sent. `times` are the mails of the last 24 hours, in order."""
    limits = options()
    waits = limits.unasked_mail_waits
    after_wait = times[-1] + timedelta(minutes=waits[min(len(times), len(waits)) - 1])
    if len(times) < limits.unasked_mails_per_day:
        return after_wait
    return max(after_wait, times[-limits.unasked_mails_per_day] + DAY)
