"""A person's row that somebody has and does not let go of: requests that need it wait, each with its connection."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
from django.db import connection

from keystone.accounts.models import User
from tests.served.server import database_url

# The first one waits for whoever has the row, and the others for the first one.
WAITING = """
WITH first AS (SELECT pid FROM pg_stat_activity WHERE %(pid)s = ANY(pg_blocking_pids(pid)))
SELECT count(*) FROM pg_stat_activity
WHERE pid IN (TABLE first) OR pg_blocking_pids(pid) && ARRAY(TABLE first)
"""


@contextmanager
def held_row(person: User) -> Iterator[Callable[[], int]]:
    """Have the row of a person for the time of the block, which is given a function that counts those who wait."""
    with psycopg.connect(database_url(), autocommit=True) as other, other.transaction():
        other.execute("SELECT 1 FROM keystone_user WHERE id = %s FOR UPDATE", [person.pk])

        def waiting() -> int:
            with connection.cursor() as cursor:
                cursor.execute(WAITING, {"pid": other.info.backend_pid})
                return int(cursor.fetchone()[0])

        yield waiting
