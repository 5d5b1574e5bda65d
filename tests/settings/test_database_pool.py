"""Production's pool while PostgreSQL is away and after its return: dead connections cost nobody an answer."""

import threading
import time
from typing import Any, Self

import psycopg
import pytest
from django.db import connection
from procrastinate.contrib.django.utils import connector_params
from psycopg_pool import ConnectionPool

from keystone.settings.database_pool import POOL

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


class Reachable(psycopg.Connection[Any]):
    """A connection to a server that may be away."""

    server_is_there = threading.Event()

    @classmethod
    def connect(cls, *args: Any, **options: Any) -> Self:
        if not cls.server_is_there.is_set():
            raise psycopg.OperationalError("connection refused")
        return super().connect(*args, **options)


@pytest.fixture
def away() -> threading.Event:
    """Set it, and the server is there."""
    Reachable.server_is_there.clear()
    return Reachable.server_is_there


def test_who_waits_has_a_connection_as_soon_as_the_server_is_there(away: threading.Event) -> None:
    """The only caller that there is: nobody comes later who would begin the attempts anew."""
    here = connector_params("default")
    with ConnectionPool(connection_class=Reachable, kwargs=here, open=True, **POOL) as pool:
        returns = threading.Timer(2.5, away.set)  # seconds; the first attempts are over
        returns.start()
        begun = time.monotonic()
        with pool.connection() as connection:
            waited = time.monotonic() - begun
            assert connection.execute("SELECT 1").fetchone() == (1,)
        returns.join()
    assert 2.4 < waited < 4.5


def _fill(pool: "ConnectionPool[psycopg.Connection[Any]]") -> list[int]:
    """Let the pool hold many connections, and give their processes."""
    taken = [pool.getconn() for _ in range(STALE)]
    pids = [one.info.backend_pid for one in taken]
    for one in taken:
        pool.putconn(one)
    return pids
