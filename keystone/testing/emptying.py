"""Empties the tests' database after a test whose transactions were committed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from django.db import connection, transaction
from django.test import TransactionTestCase
from psycopg import sql

flush = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]  # missing from the stubs


@contextmanager
def quick_emptying() -> Iterator[None]:
    """Delete the rows of the few tables that have some, instead of truncating all tables and making permissions anew.

    Migrations, content types, permissions and whatever else is there before the first test stay. Where a test has
    changed how many there are, and for a role that is not a superuser, Django's own way is taken.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
        tables = [name for (name,) in cursor.fetchall()]
        cursor.execute("SHOW is_superuser")
        is_superuser = cursor.fetchone() == ("on",)
    kept = {name: rows for name, rows in _counts(tables).items() if rows}

    def empty(case: Any) -> None:
        found = _counts(tables)
        if not is_superuser or any(found[name] != rows for name, rows in kept.items()):
            flush(case)
            found = _counts(tables)  # Procrastinate's tables have models that Django doesn't manage
        with transaction.atomic(), connection.cursor() as cursor:
            if is_superuser:  # neither foreign keys nor the audit log's triggers are in the way
                cursor.execute("SET LOCAL session_replication_role = replica")
            for name in [name for name, rows in found.items() if rows and name not in kept]:
                cursor.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(name)))

    with mock.patch.object(TransactionTestCase, "_fixture_teardown", empty):
        yield


def _counts(tables: list[str]) -> dict[str, int]:
    """How many rows each table has."""
    count = sql.SQL("SELECT {}, count(*) FROM {}")
    query = sql.SQL(" UNION ALL ").join(count.format(name, sql.Identifier(name)) for name in tables)
    with connection.cursor() as cursor:
        cursor.execute(query)
        return dict(cursor.fetchall())
