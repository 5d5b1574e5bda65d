"""A database of a test's own, beside the tests' one on the same server, for what moves and drops schemas."""

import os
import pty
import select
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from psycopg import sql

PATIENCE = 120  # seconds; the machine may be busy
HEAD = "from django.contrib.postgres.operations import AddIndexConcurrently\nfrom django.db import migrations, models\n"
OURS = {"cursor_factory", "context"}  # of Django, not of psycopg
LABEL = "messages"  # an app that has no migrations, and gets some here


class OwnDatabase:
    """A database that Django's connection leads to while the test runs."""

    def __init__(self, name: str, arguments: dict[str, Any]) -> None:
        self.name = name
        self.arguments = {**arguments, "dbname": name}

    @property
    def url(self) -> str:
        """Its address, for another process."""
        user = quote(self.arguments["user"], safe="")
        password = quote(self.arguments.get("password") or "", safe="")
        host = quote(str(self.arguments["host"]), safe="")
        port = self.arguments.get("port") or 5432
        return f"postgresql://{user}:{password}@:{port}/{quote(self.name, safe='')}?host={host}"

    def connect(self) -> "psycopg.Connection[tuple[Any, ...]]":
        """Somebody else's connection."""
        return psycopg.connect(**self.arguments, application_name="somebody", autocommit=True)

    def server(self) -> "psycopg.Connection[tuple[Any, ...]]":
        """A connection to another database of the server."""
        return psycopg.connect(**{**self.arguments, "dbname": "postgres"}, autocommit=True)

    def drop(self) -> None:
        """Drop it, whoever is connected."""
        with self.server() as dropper:
            dropper.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(self.name)))

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """What a query gives."""
        with self.connect() as somebody:
            return somebody.execute(statement.encode()).fetchall()

    def run(self, statement: str) -> None:
        """Run a statement."""
        with self.connect() as somebody:
            somebody.execute(statement.encode())

    def tables(self) -> set[str]:
        """The names of its tables."""
        return {name for [name] in self.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}

    def applied(self, label: str) -> list[str]:
        """The migrations of an app that it has, in order."""
        if "django_migrations" not in self.tables():
            return []
        found = self.rows(f"SELECT name FROM django_migrations WHERE app = '{label}' ORDER BY name")  # noqa: S608 - a test's
        return [name for [name] in found]

    def environment(self, **more: str) -> dict[str, str]:
        """The environment of a process that works on it, unmeasured: tests in this process run the same commands."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("POSTGRES_", "COV"))}
        return {
            **kept,
            "ENVIRONMENT": "testing",
            "DJANGO_SETTINGS_MODULE": "config.settings.testing",
            "DATABASE_URL": self.url,
            **more,
        }

    def start(self, *arguments: str, **more: str) -> "subprocess.Popen[str]":
        """`manage.py` in a process of its own that has no terminal."""
        return subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=settings.BASE_DIR,
            env=self.environment(**more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def manage(self, *arguments: str, **more: str) -> tuple[int, str]:
        """The exit status of `manage.py`, and all that it said."""
        process = self.start(*arguments, **more)
        said = process.communicate(timeout=PATIENCE)[0]
        return process.returncode, said

    def type(self, answer: str, *arguments: str, **more: str) -> tuple[int, str]:
        """The same on a terminal, where somebody types an answer to the first question."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=settings.BASE_DIR,
            env=self.environment(**more),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        try:
            return _type(process, ours, answer)
        finally:
            os.close(ours)
            if process.poll() is None:
                process.kill()
                process.wait(timeout=20)


def _type(process: "subprocess.Popen[bytes]", terminal: int, answer: str) -> tuple[int, str]:
    said, is_answered, end = b"", False, time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                said += os.read(terminal, 65536)
            except OSError:  # Linux: nobody has the other side open any more
                break
        if not is_answered and said.rstrip().endswith((b"[y/N]:", b"to continue:")):
            os.write(terminal, answer.encode() + b"\n")
            is_answered = True
    return process.wait(timeout=20), said.decode()


def make(*, template: str = "template0") -> OwnDatabase:
    """Make a database, as a copy of another one that nobody is connected to."""
    name = f"{connection.settings_dict['NAME']}_own_{uuid.uuid4().hex[:8]}"
    own = OwnDatabase(
        name, {key: value for key, value in connection.get_connection_params().items() if key not in OURS}
    )
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
    with own.server() as maker:
        maker.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
    return own


@contextmanager
def leading_to(own: OwnDatabase) -> Iterator[None]:
    """Let Django's connection lead to a database."""
    before = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = own.name
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = before


def write_migrations(folder: Path, **bodies: str) -> str:
    """Write migrations for an app that has none.

    Args:
        bodies: by name, the lines in the class.

    Returns:
        The module's name, for MIGRATION_MODULES.
    """
    package = folder / f"trial_{uuid.uuid4().hex}"
    package.mkdir()
    (package / "__init__.py").touch()
    for name, body in bodies.items():
        lines = "".join(f"    {line}\n" for line in body.splitlines())
        (package / f"{name}.py").write_text(f"{HEAD}class Migration(migrations.Migration):\n{lines}")
    return package.name


def made_by(table: str, *, after: str = "", more: str = "", back: str = "", atomic: bool = True) -> str:
    """The body of a migration that makes a table, and drops it on the way back.

    Args:
        after: the migrations that it depends on, by comma.
        more: another statement on the way up.
        back: another one on the way back.
    """
    dependencies = [(LABEL, name) for name in after.split(",") if name]
    operations = f"migrations.RunSQL('CREATE TABLE {table} (id int)', 'DROP TABLE {table}')"
    if more or back:
        operations += f", migrations.RunSQL({more or 'SELECT 1'!r}, {back or 'SELECT 1'!r})"
    return f"dependencies = {dependencies}\natomic = {atomic}\noperations = [{operations}]"


def lines_of(said: Any, *arguments: str) -> list[str]:
    """Call `manage.py db` here, and give the lines that it printed.

    Args:
        said: pytest's `capsys`.
    """
    said.readouterr()
    call_command("db", *arguments)
    lines: list[str] = said.readouterr().out.splitlines()
    return lines
