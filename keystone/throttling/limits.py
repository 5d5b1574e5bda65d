"""Count attempts before anything is compared. Each limit has one row, which PostgreSQL increments in one statement.

An attempt counts by its IP address, by its IP address and email address together, and by its email address alone, in
this order, until a limit refuses it. Clients that have used up their own attempts at an account can therefore make no
more that would lock out its owner elsewhere. Codes of the second factor also count by email address for a day:
somebody who tries codes already knows the password, and six digits are few. Limits are soft: they end with their
window, and an administrator can reset them.
"""

import ipaddress
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from keystone import email_address
from keystone.conf import options
from keystone.exceptions import Refusal
from keystone.observability.origin import current_origin
from keystone.throttling.models import Limit

logger = logging.getLogger(__name__)

MINUTES_IN_WORDS = 120  # longer waits are shown in hours
IPV6_NETWORK = 64  # bits; the network of one customer (RFC 6177)

# Use the time of the statement, since now() does not change within a transaction.
COUNT = """
INSERT INTO keystone_attemptwindow AS attempts ("limit", address, source, count, started_at, ends_at)
VALUES (%(limit)s, %(address)s, %(source)s, 1, statement_timestamp(), statement_timestamp() + %(window)s)
ON CONFLICT ("limit", address, source) DO UPDATE SET
    count = CASE WHEN attempts.ends_at <= statement_timestamp() THEN 1 ELSE attempts.count + 1 END,
    started_at = CASE WHEN attempts.ends_at <= statement_timestamp() THEN excluded.started_at
                      ELSE attempts.started_at END,
    ends_at = CASE WHEN attempts.ends_at <= statement_timestamp() THEN excluded.ends_at ELSE attempts.ends_at END,
    refused_at = CASE WHEN attempts.ends_at <= statement_timestamp() THEN NULL
                      WHEN attempts.count >= %(most)s THEN coalesce(attempts.refused_at, statement_timestamp())
                      ELSE attempts.refused_at END
RETURNING id, count, started_at, ceil(extract(epoch FROM ends_at - statement_timestamp()))::integer
"""
# The rows are locked in the order of counting, so that nothing deadlocks. A window that has ended is left alone; one
# that is within its limit again no longer refuses.
TAKE_BACK = """
WITH counted AS (
    SELECT attempts.id, given.most
    FROM unnest(%(rows)s::bigint[], %(starts)s::timestamptz[], %(limits)s::integer[])
        WITH ORDINALITY AS given (id, started_at, most, place)
    JOIN keystone_attemptwindow AS attempts USING (id, started_at)
    WHERE attempts.count > 0
    ORDER BY given.place
    FOR UPDATE OF attempts
)
UPDATE keystone_attemptwindow AS attempts
SET count = attempts.count - 1,
    refused_at = CASE WHEN attempts.count > counted.most + 1 THEN attempts.refused_at END
FROM counted
WHERE attempts.id = counted.id
"""


class TooManyAttempts(Refusal):
    """The limit is reached. Whether the secret was right is not checked."""

    code = "rate_limited"
    status: ClassVar[int] = 429
    message: ClassVar[str | Promise] = _("Too many attempts. Try again later.")

    def __init__(self, seconds: int) -> None:
        minutes = max(1, -(-seconds // 60))
        if minutes > MINUTES_IN_WORDS:
            count = -(-minutes // 60)
            text = ngettext(
                "Too many attempts. Try again in %(count)d hour.",
                "Too many attempts. Try again in %(count)d hours.",
                count,
            )
        else:
            count = minutes
            text = ngettext(
                "Too many attempts. Try again in %(count)d minute.",
                "Too many attempts. Try again in %(count)d minutes.",
                count,
            )
        super().__init__(text % {"count": count})
        self.retry_after = max(1, seconds)


@dataclass(frozen=True)
class Counted:
    """One count of an attempt: the row, the start of its window at that time, and its limit."""

    row: int
    started_at: datetime
    most: int


@dataclass(frozen=True)
class Step:
    """One count to make for an attempt: what it is counted by, how many are allowed, and in which time."""

    limit: Limit
    address: str
    source: str
    most: int
    window: timedelta

    @property
    def concerns(self) -> bool:
        """Whether everything that it counts by is known."""
        by_address = self.limit is not Limit.IP
        by_source = self.limit in {Limit.IP, Limit.ADDRESS_AND_IP}
        return bool(self.address or not by_address) and bool(self.source or not by_source)


@dataclass(frozen=True)
class Attempt:
    """An attempt that was counted and may proceed."""

    counted: tuple[Counted, ...]

    def give_back(self) -> None:
        """Remove this attempt from the counts because the secret was right. Other attempts stay counted.

        So do refused ones: among parallel guesses, a right one does not let further ones through.
        """
        with connection.cursor() as cursor:
            _take_back(self.counted, cursor)


def count_attempt(*, address: str = "") -> Attempt:
    """Count an attempt to guess a secret: a password, a code or a token. Call this before anything is compared.

    The IP address is that of the running request. Without one (a command, a Unix socket), attempts are not counted by
    IP address. Counts are committed at once, so that they persist if the request fails and are visible to concurrent
    attempts.

    Args:
        address: the email address to which the secret belongs, in any spelling, whether it has an account or not;
            empty for a token, which is counted by IP address only.

    Raises:
        TooManyAttempts: no more attempts are allowed until the window ends.
        RuntimeError: a transaction is open, which could roll the count back.
    """
    return _count(_steps(address))


def count_code(*, address: str) -> Attempt:
    """Count an attempt at a code of the second factor: like every attempt, and by user in a separate window.

    Args:
        address: the user's email address, in any spelling.

    Raises:
        TooManyAttempts: no more attempts are allowed until the window ends.
        RuntimeError: a transaction is open, which could roll the count back.
    """
    limits = options()
    by_person = Step(Limit.CODE, _key(address), "", limits.attempts_per_code_window, limits.code_window)
    steps = _steps(address)
    # After the IP address and before the rest. `reset_limits` locks the rows in the same order.
    place = sum(step.limit is Limit.IP for step in steps)
    return _count([*steps[:place], by_person, *steps[place:]])


def count_request() -> None:
    """Count a request that guesses no secret but costs a password hash or a mail, by IP address only.

    Raises:
        TooManyAttempts: no more requests are allowed until the window ends.
        RuntimeError: a transaction is open.
    """
    source = _source(current_origin().ip_address)
    if source:
        _count([Step(Limit.REQUESTS, "", source, options().requests_per_ip, options().attempt_window)])


def count_change(*, address: str) -> None:
    """Count an action of users on their own account that is recorded in the audit log, such as a sign-in.

    Args:
        address: the user's email address.

    Raises:
        TooManyAttempts: no more actions are allowed until the window ends.
        RuntimeError: a transaction is open.
    """
    limits = options()
    _count([Step(Limit.CHANGES, _key(address), "", limits.changes_per_person, limits.attempt_window)])


def _steps(address: str) -> list[Step]:
    """Return the counts to make for every attempt, in order."""
    known = _key(address)
    source = _source(current_origin().ip_address)
    limits = options()
    window = limits.attempt_window
    steps = [
        Step(Limit.IP, "", source, limits.attempts_per_ip, window),
        Step(Limit.ADDRESS_AND_IP, known, source, limits.attempts_per_address_and_ip, window),
        Step(Limit.ADDRESS, known, "", limits.attempts_per_address, window),
    ]
    return [step for step in steps if step.concerns]


def _count(steps: list[Step]) -> Attempt:
    if not steps:  # a command, which guesses nothing
        return Attempt(())
    counted: list[Counted] = []
    refused_for = 0
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        for step in steps:
            values: dict[str, Any] = {
                "limit": step.limit.value,
                "address": step.address,
                "source": step.source,
                "window": step.window,
                "most": step.most,
            }
            cursor.execute(COUNT, values)
            row, count, started_at, seconds = cursor.fetchone()
            if count > step.most:
                if count == step.most + 1:
                    logger.warning("A rate limit is reached: %s, row %d.", step.limit.value, row)
                refused_for = seconds
                _take_back(counted, cursor)  # nothing was compared, so one limit must not use up another
                break
            counted.append(Counted(row, started_at, step.most))
    if refused_for:  # after the commit
        raise TooManyAttempts(refused_for)
    return Attempt(tuple(counted))


def _take_back(counted: Sequence[Counted], cursor: CursorWrapper) -> None:
    if counted:
        values: dict[str, Any] = {
            "rows": [one.row for one in counted],
            "starts": [one.started_at for one in counted],
            "limits": [one.most for one in counted],
        }
        cursor.execute(TAKE_BACK, values)


def _key(address: str) -> str:
    """Return the normalized email address. An invalid one is only case-folded, trimmed and shortened."""
    try:
        return email_address.normalize(address) if address else ""
    except ValidationError:
        plain = "".join(sign for sign in address.casefold() if sign.isprintable())
        return plain.strip()[: email_address.MAX_LENGTH]


def _source(ip_address: str | None) -> str:
    """Return an IPv4 address, or the network of an IPv6 address; empty if unknown."""
    if not ip_address:
        return ""
    address = ipaddress.ip_address(ip_address)
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, IPV6_NETWORK), strict=False))
