"""Databases that are made for a benchmark and dropped after it, and Django set up on them."""

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql


@dataclass(frozen=True)
class Scratch:
    """The addresses of the two databases, as URLs: Keystone's, and that of plain Procrastinate."""

    keystone: str
    plain: str


@contextmanager
def scratch_databases(server: str) -> Iterator[Scratch]:
    """Make two databases, and drop them at the end.

    Args:
        server: the URL of a database of a server on which databases may be made; without one, the embedded
            PostgreSQL is started in a folder that is removed at the end, and does not wait for the disk.
    """
    with databases(server or embedded(fsync=False), ["keystone", "plain"]) as urls:
        yield Scratch(**urls)


@contextmanager
def databases(server: str, names: list[str]) -> Iterator[dict[str, str]]:
    """Make a database for each name, and drop them at the end.

    Args:
        server: the URL of a database of a server on which databases may be made.

    Yields:
        The URL of each database, by its name.
    """
    made: dict[str, str] = {}
    try:
        for name in names:
            database = f"benchmark_{name}_{os.getpid()}"
            _run(server, "CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'", database)
            made[name] = urlunsplit(urlsplit(server)._replace(path=f"/{database}"))
        yield made
    finally:
        for url in made.values():
            _run(server, "DROP DATABASE {} WITH (FORCE)", urlsplit(url).path[1:])


def set_up(scratch: Scratch) -> None:
    """Set Django up on both databases, with the queue as the backend of tasks, and make their tables."""
    os.environ |= {
        "DATABASE_URL": scratch.keystone,
        "DJANGO_SETTINGS_MODULE": "config.settings.testing",
        "ENVIRONMENT": "testing",
        "TEST_TASKS": "queue",
    }
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    import django
    from django.conf import settings
    from django.core.management import call_command
    from procrastinate.schema import SchemaManager

    settings.DATABASES["plain"] = {**settings.DATABASES["default"], "NAME": urlsplit(scratch.plain).path[1:]}
    django.setup()
    call_command("migrate", verbosity=0)
    with psycopg.connect(scratch.plain) as connection:
        connection.execute(SchemaManager.get_schema().encode())


def embedded(*, fsync: bool) -> str:
    """Start the embedded PostgreSQL in a folder that is removed at the end, and return its URL.

    Args:
        fsync: whether it waits for the disk.
    """
    folder = tempfile.mkdtemp(prefix="keystone-benchmark-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)  # before the server's own, and so run after it
    from keystone.environment import embedded_postgres

    host = embedded_postgres.start(Path(folder) / "postgres", database="postgres", fsync=fsync)
    return f"postgresql://postgres@/postgres?host={quote(host, safe='')}"


def _run(server: str, statement: str, name: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
