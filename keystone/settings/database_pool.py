"""The connection pool of production, usable again as soon as PostgreSQL is.

By default, a caller who gets dead connections from the library's pool waits for one second, then two, then four, and is
refused. After each failed attempt to connect, the pool waits twice as long before the next one, up to minutes. With a
shorter limit it waits for a new caller before it tries again, and those who wait already wait in vain.
"""

import select
import time
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from psycopg_pool import ConnectionPool

RESTED = 5.0  # seconds without use after which a connection is asked whether it is alive
_used_at: "WeakKeyDictionary[psycopg.Connection[Any], float]" = WeakKeyDictionary()


def check_connection(connection: "psycopg.Connection[Any]") -> None:
    """Check that a connection is alive before it is used. If it is dead, have the pool replace all others as well.

    PostgreSQL says when it ends a connection, so one that was used a moment ago and has nothing to say is alive. Only a
    lost network is silent: connections that have rested are asked.

    Raises:
        psycopg.OperationalError: it is dead. The pool then tries another one.
    """
    now, used_at = time.monotonic(), _used_at.get(connection, 0.0)
    _used_at[connection] = now
    try:
        if now - used_at >= RESTED or _has_something_to_say(connection):
            ConnectionPool.check_connection(connection)
    except psycopg.OperationalError:
        if isinstance(connection._pool, ConnectionPool):
            connection._pool.drain()
        raise


def _has_something_to_say(connection: "psycopg.Connection[Any]") -> bool:
    """Return whether data, or the end of the connection, waits to be read."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def try_again(pool: "ConnectionPool[Any]") -> None:
    """Keep trying to connect, about once a second. Waiting callers are served as soon as PostgreSQL responds."""
    pool.check()


POOL: dict[str, Any] = {
    "min_size": 2,
    "max_size": 16,
    "timeout": 5,  # seconds that a caller waits for a connection
    # If this many wait, further callers are refused at once: they would use up all threads, including those for
    # requests without a database connection, such as liveness probes. The library also counts callers who gave up,
    # until a connection is free again.
    "max_waiting": 100,
    "reconnect_timeout": 2,  # seconds; attempts are made at once, after one second and after two
    "reconnect_failed": try_again,
    "check": check_connection,
}
