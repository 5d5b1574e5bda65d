"""Limit the mails that strangers can have sent to an email address, over all kinds and from however many IP addresses.

Anybody can register an address, ask for its password to be reset or ask for it as their new one. The waits between such
mails grow, and there are at most `unasked_mails_per_day` in any 24 hours. Callers answer in the same way either way.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from keystone import email_address
from keystone.conf import options
from keystone.throttling.models import AttemptWindow, Limit

DAY = timedelta(days=1)

# Locks the row of the address, and makes it where there is none. The time is that of the statement, after the wait for
# the lock would be later still: it only makes the next mail wait a little longer.
LOCK = """
INSERT INTO keystone_attemptwindow AS mails ("limit", address, source, count, started_at, ends_at, times)
VALUES (%(limit)s, %(address)s, '', 0, statement_timestamp(), statement_timestamp() + %(day)s, '{}')
ON CONFLICT ("limit", address, source) DO UPDATE SET address = excluded.address
RETURNING id, times, clock_timestamp()
"""


@transaction.atomic
def count_unasked_mail(address: str) -> bool:
    """Count a mail that somebody causes who need not be the owner of the address.

    Call it in the transaction that queues the mail: a rollback takes both back. Of callers at the same time, one at a
    time is counted.

    Args:
        address: a valid email address, in any spelling.

    Returns:
        Whether the mail may be sent. What is refused is not counted, but shown to administrators.
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
    """Keep how many mails these addresses had, without the addresses; call it before their rows are deleted.

    Else whoever erases an account could have mails sent to any address that the account asked for, again and again.
    """
    rows = AttemptWindow.objects.running().filter(limit=Limit.MAILS, address__in=addresses).order_by("address")
    kept = list(rows.select_for_update())
    for row in kept:
        row.pk, row.address, row.refused_at = None, email_address.pseudonym(row.address), None
    AttemptWindow.objects.bulk_create(kept)


def _taken_from_erased(address: str) -> list[datetime]:
    """Take over what was counted of this address before an erasure. Call it with the row of the address locked."""
    erased = AttemptWindow.objects.filter(
        limit=Limit.MAILS, address=email_address.pseudonym(email_address.normalize(address))
    )
    times = erased.values_list("times", flat=True).first() or []
    erased.delete()
    return times


def _next_mail_at(times: list[datetime]) -> datetime:
    """When the next mail may be sent after those of the last 24 hours, which are in order."""
    limits = options()
    waits = limits.unasked_mail_waits
    after_wait = times[-1] + timedelta(minutes=waits[min(len(times), len(waits)) - 1])
    if len(times) < limits.unasked_mails_per_day:
        return after_wait
    return max(after_wait, times[-limits.unasked_mails_per_day] + DAY)
