"""Timeouts that keep a stopped scheduler from blocking the others."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

LIMITS = {
    "idle_in_transaction_session_timeout": "2s",  # then PostgreSQL takes it back, and whoever polls next goes on
    "lock_timeout": "2s",
    "statement_timeout": "10s",
}


@contextmanager
def short_transaction() -> Iterator[None]:
    """A transaction that PostgreSQL ends when its process is stopped or waits too long.

    The limits hold for it alone, so that a pooler may hand the connection on.
    """
    with transaction.atomic():
        settings = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in LIMITS.items())
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {settings}")
        yield
