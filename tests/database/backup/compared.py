"""What is in a database, so that two can be compared; and databases with people in them."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from django.conf import settings
from django.db import connection
from psycopg import sql

from tests.database.own_database import OURS, OwnDatabase, leading_to, make

# All that a schema is made of, as text, and where its sequences stand. PostgreSQL writes the casts of a condition in
# another way once it has read its own writing: they are left out.
_SHAPE = """
SELECT 'column', format('%s.%s %s %s %s %s', attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull,
    attidentity, attgenerated) || coalesce(' ' || pg_get_expr(d.adbin, d.adrelid), '')
FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid
LEFT JOIN pg_attrdef d ON d.adrelid = attrelid AND d.adnum = attnum
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND attnum > 0 AND NOT attisdropped
UNION ALL
SELECT 'constraint', regexp_replace(
    format('%s %s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid), convalidated), {casts}, '', 'g')
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'index', regexp_replace(indexdef, {casts}, '', 'g') FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT 'trigger', pg_get_triggerdef(oid) || tgenabled::text FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'function', pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL SELECT 'sequence', format('%s %s', sequencename, last_value) FROM pg_sequences
""".replace("{casts}", r"'::(character varying|text)(\[\])?|[()]'")
# As jsonb, whose keys are sorted: a column that was taken away and came back stands last in its table.
_DIGEST = "SELECT count(*), md5(string_agg(to_jsonb(t)::text, '|' ORDER BY to_jsonb(t)::text COLLATE \"C\")) FROM {} t"
_PEOPLE = """
import django
django.setup()
from django.core.management import call_command
from keystone.development.administrator import ensure_administrator
from keystone.development.sample_people import ensure_sample_people
call_command("migrate", verbosity=0)
ensure_administrator()
assert ensure_sample_people() > 20
"""


def contents(own: OwnDatabase) -> dict[str, tuple[int, str | None]]:
    """Of each table, how many rows it has, and a digest of them all."""
    found = {}
    with own.connect() as somebody:
        for name in own.tables():
            row = somebody.execute(sql.SQL(_DIGEST).format(sql.Identifier(name))).fetchone()
            assert row is not None
            found[name] = (row[0], row[1])
    return found


def shape(own: OwnDatabase) -> list[tuple[str, ...]]:
    """The schema, and where its sequences stand."""
    return sorted(own.rows(_SHAPE))


def family(own: OwnDatabase) -> list[str]:
    """What has come of a database: it, what is beside it, and what was it before; without its name."""
    with own.server() as server:
        rows = server.execute("SELECT datname FROM pg_database ORDER BY datname").fetchall()
    return [name.removeprefix(own.name) for [name] in rows if name.startswith(own.name)]


def drop_family(own: OwnDatabase) -> None:
    """Drop all of it."""
    with own.server() as server:
        for suffix in family(own):
            statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            server.execute(statement.format(sql.Identifier(own.name + suffix)))


def one_more(own: OwnDatabase, suffix: str) -> OwnDatabase:
    """Another one of the family."""
    return OwnDatabase(own.name + suffix, own.arguments)


@contextmanager
def with_sample_people(folder: Path) -> Iterator[OwnDatabase]:
    """A database with the sample people, made in the local environment as `manage.py dev` makes them."""
    own = make()
    try:
        local = {"ENVIRONMENT": "local", "DJANGO_SETTINGS_MODULE": "config.settings.local", "SMTP_HOST": ""}
        environment = own.environment(DATA_DIR=str(folder), **local)
        subprocess.run([sys.executable, "-c", _PEOPLE], cwd=settings.BASE_DIR, env=environment, check=True)
        yield own
    finally:
        own.drop()


@contextmanager
def used(own: OwnDatabase) -> Iterator[OwnDatabase]:
    """Let Django's connection lead to a database, and drop it and its family at the end."""
    try:
        with leading_to(own):
            yield own
    finally:
        drop_family(own)


def server_major() -> int:
    """The major version of the tests' server."""
    arguments = {key: value for key, value in connection.get_connection_params().items() if key not in OURS}
    with psycopg.connect(**{**arguments, "dbname": "postgres"}) as server:
        return server.info.server_version // 10_000
