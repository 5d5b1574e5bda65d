"""Production's pool of database connections, usable again as soon as PostgreSQL is.

As the library comes, whoever meets dead connections in it waits for one second, then for two, then for four, and is
refused; and after each attempt to connect that fails it waits twice as long for the next one, up to minutes.
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


POOL: dict[str, Any] = {
    "min_size": 2,
    "max_size": 16,
    "timeout": 5,  # seconds that a caller waits for a connection
    "reconnect_timeout": 2,  # seconds; after them the next caller who needs a connection makes the attempt
    "check": check_connection,
}
