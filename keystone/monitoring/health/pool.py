"""The state of this process's database connection pool."""

from typing import Any

from django.db import connection


def pool_figures() -> dict[str, int]:
    """Return the statistics of psycopg's pool; empty if there is no pool, as in development."""
    pool: Any = getattr(connection, "pool", None)
    return dict(pool.get_stats()) if pool is not None else {}


def is_exhausted() -> bool:
    """Return whether callers wait for a connection while all are in use."""
    figures = pool_figures()
    return figures.get("requests_waiting", 0) > 0 and figures.get("pool_available", 0) == 0 and not _is_short(figures)


def is_cut_off() -> bool:
    """Return whether no connection is free although the pool isn't full: PostgreSQL refuses connections."""
    return _is_short(pool_figures())


def _is_short(figures: dict[str, int]) -> bool:
    return figures.get("pool_available", 0) == 0 and figures.get("pool_size", 0) < figures.get("pool_max", 0)
