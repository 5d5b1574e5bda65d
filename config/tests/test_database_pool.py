"""Production's pool after PostgreSQL was restarted: dead connections cost nobody an answer."""

from typing import Any

import psycopg
import pytest
from django.db import connection
from procrastinate.contrib.django.utils import connector_params
from psycopg_pool import ConnectionPool

from config.database_pool import POOL

pytestmark = pytest.mark.django_db(transaction=True)
STALE = 8  # the library's own check gives up after the fourth


def test_all_connections_are_made_anew_once_one_is_dead() -> None:
    with ConnectionPool(kwargs=connector_params("default"), open=True, **POOL) as pool:
        dead = _fill(pool)
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(pg_terminate_backend(pid, 5000)) FROM unnest(%s::int[]) AS pid", [dead])
        for _ in range(3):
            with pool.connection() as fresh:  # a PoolTimeout, with the library's own check
                assert fresh.info.backend_pid not in dead


def _fill(pool: "ConnectionPool[psycopg.Connection[Any]]") -> list[int]:
    """Let the pool hold many connections, and give their processes."""
    taken = [pool.getconn() for _ in range(STALE)]
    pids = [one.info.backend_pid for one in taken]
    for one in taken:
        pool.putconn(one)
    return pids
