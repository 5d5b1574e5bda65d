"""What a copy of the database would show."""

from collections.abc import Iterator

from django.db import connection


def rows() -> Iterator[str]:
    """Every row of every table, as text."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT t::text FROM {table} AS t")  # noqa: S608 - PostgreSQL named and quoted the table
            for (row,) in cursor.fetchall():
                yield f"{table} {row}"
