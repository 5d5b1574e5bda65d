"""A worker's connection to PostgreSQL, reopened when it is lost."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import psycopg
from django.db import DatabaseError, connections
from procrastinate.contrib.django.utils import connector_params
from psycopg.rows import DictRow, dict_row

from keystone.text.one_line import in_one_line

logger = logging.getLogger(__name__)

PATIENCE = 20.0  # seconds allowed for a statement; a connection that stays silent longer is closed

# Temporary errors, including a server that became a replica (failover) and a schema that does not exist yet.
_AWAY = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.IdleInTransactionSessionTimeout,
    psycopg.errors.ReadOnlySqlTransaction,
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedFunction,
    DatabaseError,
    OSError,
    TimeoutError,
)
Row = dict[str, Any]

FIRST_WAIT, LONGEST_WAIT = 0.25, 5.0  # seconds between attempts while the database is away


class DatabaseAway(Exception):  # noqa: N818 - a temporary state
    """The database does not respond at the moment, or does not have our tables yet."""


class BackOff:
    """Increasing waits while the database is away."""

    def __init__(self) -> None:
        self.wait = FIRST_WAIT

    def next(self) -> float:
        """Return the seconds to wait now."""
        wait, self.wait = self.wait, min(self.wait * 2, LONGEST_WAIT)
        return wait


class Connection:
    """A connection that coroutines use in turn. Each block or call is one transaction.

    Args:
        alias: an alias in `DATABASES`. Its pool is not used, since the worker keeps this connection while it runs.
        purpose: the application name shown in `pg_stat_activity`.
    """

    def __init__(self, alias: str, *, purpose: str) -> None:
        self.alias = alias
        self.purpose = purpose
        self.is_away = False
        self.is_quiet = False  # whether another connection reports outages
        self._turn = asyncio.Lock()
        self._connection: psycopg.AsyncConnection[DictRow] | None = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["psycopg.AsyncConnection[DictRow]"]:
        """Open a transaction for several statements.

        Raises:
            DatabaseAway: the transaction could not be started, run or committed; whether it was committed is unknown.
        """
        async with self._turn, self._guarded():
            connection = await self._open()
            async with asyncio.timeout(PATIENCE), connection.transaction():
                # If the worker is suspended at this point, its row locks are released.
                await connection.execute("SET LOCAL idle_in_transaction_session_timeout = '10s'")
                yield connection

    async def rows(self, statement: str, arguments: Row | None = None) -> list[Row]:
        """Run one statement and return its rows.

        Raises:
            DatabaseAway: see `transaction`.
        """
        async with self._turn, self._guarded():
            connection = await self._open()
            async with asyncio.timeout(PATIENCE):
                return await fetch(connection, statement, arguments)

    async def notifications(self, channels: list[str]) -> AsyncGenerator[str]:
        """Listen on channels and yield the payload of each notification.

        The first payload is empty: it says that listening has started.

        Raises:
            DatabaseAway: the connection is lost, and with it the notifications sent in the meantime.
        """
        async with self._turn, self._guarded():
            connection = await self._open()
            for channel in channels:
                await connection.execute(psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(channel)))
            yield ""
            while True:
                async for notification in connection.notifies(timeout=PATIENCE):
                    yield notification.payload
                async with asyncio.timeout(PATIENCE):
                    await connection.execute("SELECT 1")  # the only way to notice a server that vanished

    async def close(self) -> None:
        """Close the connection. The next call opens a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(*_AWAY):
                async with asyncio.timeout(PATIENCE):
                    await connection.close()

    @asynccontextmanager
    async def _guarded(self) -> AsyncIterator[None]:
        try:
            yield
        except _AWAY as error:
            await self.close()
            if not self.is_away:
                self.is_away = True
                level = logging.DEBUG if self.is_quiet else logging.WARNING
                logger.log(level, "waiting for the database: %s", _reason(error))
            raise DatabaseAway(_reason(error)) from error
        except asyncio.CancelledError:
            await self.close()  # it may still be running the statement
            raise
        if self.is_away:
            self.is_away = False
            logger.log(logging.DEBUG if self.is_quiet else logging.INFO, "the database answers again")

    async def _open(self) -> "psycopg.AsyncConnection[DictRow]":
        if self._connection is None or self._connection.closed:
            # In a thread, because this may start the embedded server.
            arguments = await asyncio.to_thread(connection_arguments, self.alias)
            async with asyncio.timeout(PATIENCE):
                self._connection = await psycopg.AsyncConnection.connect(
                    **{**arguments, "application_name": self.purpose}, autocommit=True, row_factory=dict_row
                )
        return self._connection


async def fetch(connection: "psycopg.AsyncConnection[DictRow]", statement: str, arguments: Row | None) -> list[Row]:
    """Run a statement and return its rows."""
    cursor = await connection.execute(statement.encode(), arguments)
    return await cursor.fetchall() if cursor.description else []


def connection_arguments(alias: str) -> Row:
    """Return Django's connection parameters for psycopg, and close the thread's own connection."""
    try:
        return connector_params(alias)
    finally:
        connections[alias].close()


def _reason(error: BaseException) -> str:
    if isinstance(error, (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedFunction)):
        return "it has not all tables yet: run manage.py migrate"
    if isinstance(error, TimeoutError) and not str(error):
        return f"no answer within {PATIENCE:g} seconds"
    return in_one_line(error)
