"""The lock of migrations, one per database."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import ClassVar

import psycopg
from django.db import Error, connection
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from keystone.exceptions import Refusal

MIGRATING = 0x6B6D6967  # "kmig", of PostgreSQL's advisory locks
LOCK_TIMEOUT = 5.0  # seconds that a statement of a migration waits for a lock, if nothing else is said
PURPOSE = "keystone migrations"  # what its connection is called in `pg_stat_activity`


class SessionNeeded(Refusal):
    """A pooler in transaction mode would hand the connection on, and the lock with it: nobody could give it back."""

    code = "session_needed"
    message: ClassVar[str | Promise] = _(
        "This needs a session of PostgreSQL's, and DATABASE_POOLER says that a pooler hands connections on after each "
        "transaction. Give DATABASE_URL the address of PostgreSQL itself, and leave DATABASE_POOLER empty."
    )


def need_session() -> None:
    """See that what is done on a connection stays on it.

    Raises:
        SessionNeeded: it would not.
    """
    if connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS"):
        raise SessionNeeded


@contextmanager
def migrating(said: Callable[[str], None]) -> Iterator[int]:
    """Be the only one who moves this database's schema, on whatever machine; wait for whoever does it now.

    The lock is on a connection of its own: what migrations do with theirs does not touch it, and it is gone as soon
    as its holder is.

    Args:
        said: is told if there is somebody to wait for.

    Yields:
        The server's process of that connection.

    Raises:
        SessionNeeded: a pooler would hand the lock on.
        OperationalError: the database does not answer.
    """
    with own_connection(PURPOSE) as own:
        with connection.wrap_database_errors:
            _take(own, said)
        yield own.info.backend_pid


@contextmanager
def lock_timeout(seconds: float) -> Iterator[None]:
    """Let each statement of Django's connection in the block wait so long for a lock, and then fail.

    What waits for a strong lock lets nobody past it: without an end, one long transaction would stop the site.

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
        with suppress(Error), connection.cursor() as cursor:  # a lost connection has forgotten it
            cursor.execute("SELECT set_config('lock_timeout', %s, false)", [before])


def set_lock_timeout(seconds: float) -> None:
    """Set it for the rest of the session; 0 waits for ever."""
    milliseconds = max(1, round(seconds * 1000)) if seconds else 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", [f"{milliseconds}ms"])


@contextmanager
def own_connection(purpose: str) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    """A connection beside Django's, which is not taken from its pool: there, it would keep its locks.

    Args:
        purpose: what it is called in `pg_stat_activity`.

    Raises:
        SessionNeeded: it would not be one's own.
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
    # Whatever a role or a database sets for statements: another one's migrations may take hours.
    own.execute("SET statement_timeout = 0; SET lock_timeout = 0; SET idle_session_timeout = 0")
    row = own.execute("SELECT pg_try_advisory_lock(%s)", [MIGRATING]).fetchone()
    if row is None or not row[0]:
        said(gettext("Another process is moving this database's schema. Waiting until it is done."))
        own.execute("SELECT pg_advisory_lock(%s)", [MIGRATING])
