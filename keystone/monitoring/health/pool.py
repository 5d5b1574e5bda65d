"""The pool of database connections of this process, as it stands."""

from typing import Any

from django.db import connection


def pool_figures() -> dict[str, int]:
    """What psycopg's pool counts; empty where there is none, as in development."""
    pool: Any = getattr(connection, "pool", None)
    return dict(pool.get_stats()) if pool is not None else {}


def is_exhausted() -> bool:
    """Whether somebody waits for a connection while each is in use."""
    figures = pool_figures()
    return figures.get("requests_waiting", 0) > 0 and figures.get("pool_available", 0) == 0 and not _is_short(figures)


def is_cut_off() -> bool:
    """Whether none is free and there are fewer than there may be: it is PostgreSQL that gives none, not the callers."""
    return _is_short(pool_figures())


def _is_short(figures: dict[str, int]) -> bool:
    return figures.get("pool_available", 0) == 0 and figures.get("pool_size", 0) < figures.get("pool_max", 0)
