"""Swap a new database for the old one in one transaction."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from django.utils.translation import gettext
from psycopg import errors, sql

from keystone.database.backup.places import DatabaseProperties, dress, remark
from keystone.database.backup.server import Address
from keystone.exceptions import Refusal

# If a lock on one of the databases is not released in time, the old one stays in service. If this process froze in the
# transaction, nobody could connect, so PostgreSQL has to abort it.
_LIMITS = """
SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '5s'; SET LOCAL idle_in_transaction_session_timeout = '5s'
"""
PAUSE = 0.05  # seconds between two checks for connected clients
_CONNECTED = "SELECT pid FROM pg_stat_activity WHERE datid = ANY (%s) AND backend_type = 'client backend'"


class InUse(Refusal):
    """A client's connection could not be ended."""

    code = "in_use"

    def __init__(self, name: str) -> None:
        text = gettext(
            "%(name)s is in use by a connection that could not be ended. Nothing was changed. Stop "
            "what uses it, and restore again."
        )
        super().__init__(text % {"name": name})


def swap(address: Address, *, new: str, old: DatabaseProperties | None, aside: str) -> None:
    """Rename the new database to the name of the old one, which gets another name.

    From the first rename on, new connections wait until the transaction ends, and existing ones are terminated, so
    nobody writes to the old database any more.

    Args:
        new: the new database.
        old: the database in service; None if there is none.
        aside: the new name of the old database.

    Raises:
        InUse: a connection could not be ended in time; the old database stays in service.
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
                    connection.execute(_LIMITS)  # settings copied by `dress` may have replaced them
                connection.execute(renaming.format(sql.Identifier(new), sql.Identifier(address.name)))
        except (errors.ObjectInUse, errors.LockNotAvailable):
            raise InUse(address.name) from None


@contextmanager
def _others_sent_away(address: Address, names: list[str]) -> Iterator[None]:
    """Keep terminating the connections to some databases during the block."""
    is_over = threading.Event()

    def end_all(connection: psycopg.Connection[Any], oids: list[int]) -> None:
        while not is_over.is_set():
            for (process,) in connection.execute(_CONNECTED, [oids]).fetchall():
                # Connections of other roles may be protected; the rename then fails.
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
