"""What tasks and jobs have done: a row for each time, in a table that only these tests have."""

from collections import Counter
from collections.abc import Collection
from datetime import datetime

from django.db import connection

CREATE = """
CREATE TABLE faults_effect (
    id bigserial PRIMARY KEY, what text, at timestamptz NOT NULL DEFAULT clock_timestamp()
)
"""
DROP = "DROP TABLE IF EXISTS faults_effect"


def make_table() -> None:
    """Make the table, empty."""
    with connection.cursor() as cursor:
        cursor.execute(DROP)
        cursor.execute(CREATE)


def drop_table() -> None:
    """Remove it."""
    with connection.cursor() as cursor:
        cursor.execute(DROP)


def leave(what: str) -> None:
    """Write a row."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO faults_effect (what) VALUES (%s)", [what])


def number() -> int:
    """How many rows there are."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM faults_effect")
        return int(cursor.fetchone()[0])


def counted() -> Counter[str]:
    """How often each thing was done."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT what, count(*) FROM faults_effect GROUP BY what")
        return Counter(dict(cursor.fetchall()))


def last_of(things: Collection[str]) -> datetime:
    """When the last of these was done (UTC)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(at) FROM faults_effect WHERE what = ANY(%s)", [list(things)])
        last: datetime = cursor.fetchone()[0]
    return last
