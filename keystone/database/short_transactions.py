"""Transactions with timeouts, so that a suspended process doesn't block the others."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def short_transaction(**limits: str) -> Iterator[None]:
    """Open a transaction that PostgreSQL ends if the process is suspended or waits too long.

    The limits apply to this transaction only, so that a connection pooler may reuse the connection.

    Args:
        limits: values of PostgreSQL's settings, such as `idle_in_transaction_session_timeout="2s"`.
    """
    with transaction.atomic():
        settings = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in limits.items())
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {settings}")
        yield
