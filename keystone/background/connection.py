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

PATIENCE = 20.0  # seconds for a statement; a connection that is silent longer is given up

# A server that has become a replica (fail-over), a schema that is not there yet: both pass.
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


class DatabaseAway(Exception):  # noqa: N818 - it passes
    """The database does not answer now, or does not have our tables yet."""


class Connection:
    """One connection that coroutines take turns with. Each block or call is one transaction.

    Args:
        alias: of `DATABASES`; its pool is left out, since this connection is held as long as the worker lives.
        purpose: what it is called in `pg_stat_activity`.
    """

    def __init__(self, alias: str, *, purpose: str) -> None:
        self.alias = alias
        self.purpose = purpose
        self.is_away = False
        self.is_quiet = False  # whether it leaves it to others to tell of an outage
        self._turn = asyncio.Lock()
        self._connection: psycopg.AsyncConnection[DictRow] | None = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["psycopg.AsyncConnection[DictRow]"]:
        """A transaction of several statements.

        Raises:
            DatabaseAway: it could not be begun, run or committed; whether it was committed, nobody knows.
        """
        async with self._turn, self._guarded():
            connection = await self._open()
            async with asyncio.timeout(PATIENCE), connection.transaction():
                # A worker that is stopped right here does not keep the rows of others locked.
                await connection.execute("SET LOCAL idle_in_transaction_session_timeout = '10s'")
                yield connection

    async def rows(self, statement: str, arguments: Row | None = None) -> list[Row]:
        """Run one statement, and give the rows that it returns.

        Raises:
            DatabaseAway: see `transaction`.
        """
        async with self._turn, self._guarded():
            connection = await self._open()
            async with asyncio.timeout(PATIENCE):
                return await fetch(connection, statement, arguments)

    async def notifications(self, channels: list[str]) -> AsyncGenerator[str]:
        """Listen, and give the payload of each notification; an empty one when it has begun to listen.

        Raises:
            DatabaseAway: the connection is lost, and what was told meanwhile with it.
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
                    await connection.execute("SELECT 1")  # a server that vanished is noticed by asking only

    async def close(self) -> None:
        """Close it; the next call opens another one."""
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
            await self.close()  # the statement may still be running in it
            raise
        if self.is_away:
            self.is_away = False
            logger.log(logging.DEBUG if self.is_quiet else logging.INFO, "the database answers again")

    async def _open(self) -> "psycopg.AsyncConnection[DictRow]":
        if self._connection is None or self._connection.closed:
            # In a thread: it may start the embedded server.
            arguments = await asyncio.to_thread(connection_arguments, self.alias)
            async with asyncio.timeout(PATIENCE):
                self._connection = await psycopg.AsyncConnection.connect(
                    **{**arguments, "application_name": self.purpose}, autocommit=True, row_factory=dict_row
                )
        return self._connection


async def fetch(connection: "psycopg.AsyncConnection[DictRow]", statement: str, arguments: Row | None) -> list[Row]:
    """The rows that a statement returns."""
    cursor = await connection.execute(statement.encode(), arguments)
    return await cursor.fetchall() if cursor.description else []


def connection_arguments(alias: str) -> Row:
    """Django's arguments of a connection, for psycopg; whatever the thread has open is closed."""
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
