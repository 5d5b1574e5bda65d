"""Timeouts that keep a suspended scheduler from blocking the others."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

LIMITS = {
    "idle_in_transaction_session_timeout": "2s",  # then PostgreSQL rolls back, and another scheduler takes over
    "lock_timeout": "2s",
    "statement_timeout": "10s",
}


@contextmanager
def short_transaction() -> Iterator[None]:
    """Open a transaction that PostgreSQL ends if the process is suspended or waits too long.

    The limits apply to this transaction only, so that a connection pooler may reuse the connection.
    """
    with transaction.atomic():
        settings = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in LIMITS.items())
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {settings}")
        yield
