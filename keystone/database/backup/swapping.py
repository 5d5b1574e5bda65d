"""Swap a new database for the old one, in one transaction."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from django.utils.translation import gettext
from psycopg import errors, sql

from keystone.database.backup.places import Place, dress, remark
from keystone.database.backup.server import Address
from keystone.exceptions import Refusal

# Whoever holds a lock on one of the databases is waited for, and then the old one stays in service. And were this
# process frozen in the transaction, nobody could connect: PostgreSQL gives up for it.
_LIMITS = """
SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '5s'; SET LOCAL idle_in_transaction_session_timeout = '5s'
"""
PAUSE = 0.05  # seconds between two looks at who is connected
_CONNECTED = "SELECT pid FROM pg_stat_activity WHERE datid = ANY (%s) AND backend_type = 'client backend'"


class InUse(Refusal):
    """Somebody is connected who cannot be sent away."""

    code = "in_use"

    def __init__(self, name: str) -> None:
        text = gettext(
            "%(name)s is in use by somebody whose connection could not be ended. Everything is as it was. Stop what "
            "uses it, and restore again."
        )
        super().__init__(text % {"name": name})


def swap(address: Address, *, new: str, old: Place | None, aside: str) -> None:
    """Let a new database have the old one's name, and the old one another.

    From the first renaming on, whoever connects waits until the transaction is over, and those who are connected are
    sent away: so nobody writes to the old database any more.

    Args:
        new: the new database.
        old: the one in service; without one there is nothing to put aside.
        aside: the name that the old one gets.

    Raises:
        InUse: a connection could not be ended in time; the old one is in service.
    """
    renaming = sql.SQL("ALTER DATABASE {} RENAME TO {}")
    names = [new] if old is None else [old.name, new]
    with address.connect_beside() as connection, _others_sent_away(address, names):
        try:
            with connection.transaction():
                connection.execute(_LIMITS)
                if old is None:
                    remark(connection, new, None)
                else:
                    connection.execute(renaming.format(sql.Identifier(old.name), sql.Identifier(aside)))
                    dress(connection, new, like=old)
                    connection.execute(_LIMITS)  # which settings of the database may have replaced
                connection.execute(renaming.format(sql.Identifier(new), sql.Identifier(address.name)))
        except (errors.ObjectInUse, errors.LockNotAvailable):
            raise InUse(address.name) from None


@contextmanager
def _others_sent_away(address: Address, names: list[str]) -> Iterator[None]:
    """End the connections to some databases, again and again during the block."""
    is_over = threading.Event()

    def end_all(connection: psycopg.Connection[Any], oids: list[int]) -> None:
        while not is_over.is_set():
            for (process,) in connection.execute(_CONNECTED, [oids]).fetchall():
                # Another role's may not be ended by us: the renaming will say so.
                with suppress(errors.InsufficientPrivilege):
                    connection.execute("SELECT pg_terminate_backend(%s)", [process])
            is_over.wait(PAUSE)

    with address.connect_beside() as connection:
        found = connection.execute("SELECT oid FROM pg_database WHERE datname = ANY (%s)", [names])
        thread = threading.Thread(target=end_all, args=(connection, [row[0] for row in found]), daemon=True)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()
