"""Load a backup into a new database and verify it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.executor import MigrationExecutor
from django.utils.translation import gettext
from psycopg import sql

from keystone.database.backup import csv_files, programs, tables
from keystone.database.backup.checking import Plan, completed
from keystone.database.backup.creating import DUMP
from keystone.database.backup.manifest import Format, Manifest, Scope
from keystone.database.backup.progress import Progress, counting
from keystone.database.backup.server import usual_database
from keystone.database.mark import mark_on_servers
from keystone.exceptions import Refusal

LOADING = re.compile(r'processing data for table "')
# pg_restore sets parameters of its own version first, which an older server may not know.
UNKNOWN_PARAMETER = "unrecognized configuration parameter"
_FOREIGN_KEYS = """
SELECT n.nspname, c.relname, k.conname, pg_get_constraintdef(k.oid) FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE k.contype = 'f' AND k.conparentid = 0 ORDER BY n.nspname, c.relname, k.conname
"""


class NotWhole(Refusal):
    """A restored table does not have as many rows as the backup."""

    code = "not_whole"

    def __init__(self, table: str, expected: int, found: int) -> None:
        text = gettext("The restored table %(table)s has %(found)d rows, not %(expected)d.")
        super().__init__(text % {"table": table, "expected": expected, "found": found})


def fill(plan: Plan, name: str, *, jobs: int, progress: Progress) -> None:
    """Load the backup into an empty database and verify it.

    Raises:
        ProgramFailed: pg_restore failed.
        NotWhole: a table has another number of rows than in the backup.
        psycopg.Error: PostgreSQL reported an error.
    """
    if plan.manifest.scope == Scope.WHOLE and plan.form is Format.PG_DUMP:
        _run_restore(plan, name, [], jobs=jobs, progress=progress)
    else:
        progress(gettext("Creating tables"), 0, 1)
        _migrate(name, plan.manifest)
        progress(gettext("Creating tables"), 1, 1)
        with plan.address.connect(name) as connection, _open_for_loading(connection, plan.manifest):
            if plan.form is Format.PG_DUMP:
                _run_restore(plan, name, ["--data-only"], jobs=jobs, progress=progress)
            else:
                _load_csv(connection, plan, progress)
    with plan.address.connect(name) as connection:
        _check(connection, plan.manifest, progress)
        _mark(connection, plan)
        connection.execute("ANALYZE")  # otherwise the first queries are planned as if the tables were empty
    with usual_database(name):
        mark_on_servers()


def _mark(connection: psycopg.Connection[Any], plan: Plan) -> None:
    """Mark the database if the backup or the database in service is marked: see `keystone.database.mark`."""
    marks = [tables.mark(connection), plan.manifest.mark]
    if plan.place is not None:
        with plan.address.connect() as usual:
            marks.append(tables.mark(usual))
    if wanted := next(filter(None, marks), None):
        connection.execute(sql.SQL("COMMENT ON TABLE django_migrations IS {}").format(sql.Literal(wanted)))


def _run_restore(plan: Plan, name: str, more: list[str], *, jobs: int, progress: Progress) -> None:
    assert plan.program is not None  # noqa: S101 - `check` has found it for this format
    is_older = plan.server_major < plan.program.major
    arguments = ["--verbose", "--no-owner", "--no-privileges", f"--jobs={jobs}", *more]
    arguments += [] if is_older else ["--exit-on-error"]
    arguments += [f"--dbname={plan.address.target(name)}", str(plan.backup.path / DUMP)]
    said = counting(LOADING, gettext("Restoring"), len(plan.manifest.tables), progress)
    tolerated = UNKNOWN_PARAMETER if is_older else None
    programs.run(plan.program, arguments, address=plan.address, said=said, tolerated=tolerated)


def _migrate(name: str, manifest: Manifest) -> None:
    """Create the tables with exactly the migrations that the backup has."""
    with usual_database(name):
        executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
        has = completed(manifest, executor.loader)
        graph = executor.loader.graph
        reached = [key for key in graph.nodes if key in has]
        last = [key for key in reached if not any(child.key in has for child in graph.node_map[key].children)]
        executor.migrate(sorted(last))


@contextmanager
def _open_for_loading(connection: psycopg.Connection[Any], manifest: Manifest) -> Iterator[None]:
    """Empty the tables of the backup, without foreign keys and triggers until the end of the block.

    This way rows can be loaded in any order, with bounded memory and without superuser rights. The foreign keys are
    checked when they are added again. It is not one transaction, because nobody else uses the database yet.
    """
    keys = connection.execute(_FOREIGN_KEYS).fetchall()
    named = [sql.Identifier(table.schema, table.name) for table in manifest.tables]
    for schema, table, key, _definition in keys:
        dropping = sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}")
        connection.execute(dropping.format(sql.Identifier(schema, table), sql.Identifier(key)))
    for table in named:
        connection.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(table))
    connection.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(named)))
    yield
    for sequence in manifest.sequences:
        name = sql.Identifier(sequence.schema, sequence.name).as_string(connection)
        connection.execute("SELECT setval(%s::regclass, %s)", [name, sequence.last])
    for table in named:
        connection.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(table))
    for schema, table, key, definition in keys:
        adding = sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}")
        parts = sql.Identifier(schema, table), sql.Identifier(key), sql.SQL(definition)
        connection.execute(adding.format(*parts))


def _load_csv(connection: psycopg.Connection[Any], plan: Plan, progress: Progress) -> None:
    for number, table in enumerate(plan.manifest.tables, start=1):
        csv_files.load(connection, table, plan.backup.path)
        progress(gettext("Reading CSV"), number, len(plan.manifest.tables))


def _check(connection: psycopg.Connection[Any], manifest: Manifest, progress: Progress) -> None:
    for number, table in enumerate(manifest.tables, start=1):
        found = tables.rows(connection, table.identity)
        if found != table.rows:
            raise NotWhole(str(table.identity), table.rows, found)
        progress(gettext("Comparing"), number, len(manifest.tables))
