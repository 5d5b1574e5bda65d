"""Empty the test database after tests that commit transactions."""

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
    """Delete rows only from tables that have some, instead of truncating all tables and recreating permissions.

    Migrations, content types, permissions and all other rows that exist before the first test are kept. Django's method
    is used if a test has changed their number, or if the database role is not a superuser.
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
            if is_superuser:  # disables foreign keys and the audit log's triggers
                cursor.execute("SET LOCAL session_replication_role = replica")
            for name in [name for name, rows in found.items() if rows and name not in kept]:
                cursor.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(name)))

    with mock.patch.object(TransactionTestCase, "_fixture_teardown", empty):
        yield


def _counts(tables: list[str]) -> dict[str, int]:
    """Return the number of rows of each table."""
    count = sql.SQL("SELECT {}, count(*) FROM {}")
    query = sql.SQL(" UNION ALL ").join(count.format(name, sql.Identifier(name)) for name in tables)
    with connection.cursor() as cursor:
        cursor.execute(query)
        return dict(cursor.fetchall())
