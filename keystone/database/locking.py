"""The lock for migrations, one per database."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import ClassVar

import psycopg
from django.db import Error, connection
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from keystone.exceptions import Refusal

MIGRATING = 0x6B6D6967  # "kmig", the key of the advisory lock
LOCK_TIMEOUT = 5.0  # seconds that a statement of a migration waits for a lock by default
PURPOSE = "keystone migrations"  # `application_name` of the connection that holds the lock


class SessionNeeded(Refusal):
    """A pooler in transaction mode would reuse the connection, so a lock taken on it could never be released."""

    code = "session_needed"
    message: ClassVar[str | Promise] = _(
        "This needs a PostgreSQL session, and DATABASE_POOLER says that a pooler shares "
        "connections between transactions. Set DATABASE_URL to PostgreSQL itself, and leave "
        "DATABASE_POOLER empty."
    )


def need_session() -> None:
    """Check that the database connection is a session of its own.

    Raises:
        SessionNeeded: a pooler may hand the connection on after each transaction.
    """
    if connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS"):
        raise SessionNeeded


@contextmanager
def migrating(said: Callable[[str], None]) -> Iterator[int]:
    """Hold the lock that allows only one process, on any machine, to change the schema of this database.

    If another process holds it, wait. The lock is held on a separate connection, so migrations cannot affect it, and it
    is released when the process ends.

    Args:
        said: called with a message if another process has to be waited for.

    Yields:
        The process id of the server process that handles the connection.

    Raises:
        SessionNeeded: a pooler would hand the connection on.
        OperationalError: the database does not answer.
    """
    with own_connection(PURPOSE) as own:
        with connection.wrap_database_errors:
            _take(own, said)
        yield own.info.backend_pid


@contextmanager
def lock_timeout(seconds: float) -> Iterator[None]:
    """Limit how long each statement of Django's connection in the block waits for a lock.

    While a statement waits for a strong lock, others queue behind it: without a limit, one long transaction
    would stop the site.

    Args:
        seconds: 0 waits for ever.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('lock_timeout')")
        [before] = cursor.fetchone()
    set_lock_timeout(seconds)
    try:
        yield
    finally:
        with suppress(Error), connection.cursor() as cursor:  # a lost connection has lost the setting, too
            cursor.execute("SELECT set_config('lock_timeout', %s, false)", [before])


def set_lock_timeout(seconds: float) -> None:
    """Set the lock timeout for the rest of the session; 0 waits for ever."""
    milliseconds = max(1, round(seconds * 1000)) if seconds else 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", [f"{milliseconds}ms"])


@contextmanager
def own_connection(purpose: str) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    """Open a connection besides Django's. It does not come from the pool, where it would keep its locks.

    Args:
        purpose: the `application_name` in `pg_stat_activity`.

    Raises:
        SessionNeeded: a pooler would hand the connection on.
        OperationalError: the database does not answer.
    """
    need_session()
    arguments = connection.get_connection_params()
    arguments = {name: value for name, value in arguments.items() if name not in {"cursor_factory", "context"}}
    with connection.wrap_database_errors:
        own = psycopg.connect(**{**arguments, "application_name": purpose, "autocommit": True})
    try:
        yield own
    finally:
        own.close()


def _take(own: "psycopg.Connection[tuple[object, ...]]", said: Callable[[str], None]) -> None:
    # Override the limits of the role and the database: the migrations of another process may take hours.
    own.execute("SET statement_timeout = 0; SET lock_timeout = 0; SET idle_session_timeout = 0")
    row = own.execute("SELECT pg_try_advisory_lock(%s)", [MIGRATING]).fetchone()
    if row is None or not row[0]:
        said(gettext("Another process is migrating this database. Waiting until it has finished."))
        own.execute("SELECT pg_advisory_lock(%s)", [MIGRATING])
