"""The connection pool of production, usable again as soon as PostgreSQL is.

As the library comes, whoever meets dead connections in it waits for one second, then for two, then for four, and is
refused; and after each attempt to connect that fails it waits twice as long for the next one, up to minutes. Told to
give up sooner, it waits for another caller to begin anew, while those who wait already wait for nothing.
"""

from typing import Any

import psycopg
from psycopg_pool import ConnectionPool


def check_connection(connection: "psycopg.Connection[Any]") -> None:
    """Ask a connection for a sign of life before it is given out; if there is none, make all others anew as well.

    Raises:
        psycopg.OperationalError: it is dead. The pool then takes another one.
    """
    try:
        ConnectionPool.check_connection(connection)
    except psycopg.OperationalError:
        if isinstance(connection._pool, ConnectionPool):
            connection._pool.drain()
        raise


def try_again(pool: "ConnectionPool[Any]") -> None:
    """Go on trying to connect, about once a second: whoever waits is served as soon as PostgreSQL answers."""
    pool.check()


POOL: dict[str, Any] = {
    "min_size": 2,
    "max_size": 16,
    "timeout": 5,  # seconds that a caller waits for a connection
    # Whoever comes when so many wait is refused at once: they would take every thread, also those of callers who need
    # no connection, such as an orchestrator that asks whether the process is alive. The library also counts those who
    # gave up, until a connection is free again.
    "max_waiting": 100,
    "reconnect_timeout": 2,  # seconds; attempts come at once, after one and after two
    "reconnect_failed": try_again,
    "check": check_connection,
}
