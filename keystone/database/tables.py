"""Sizes and row counts of tables, at a low cost."""

from dataclasses import dataclass

from django.db import OperationalError, ProgrammingError, connection, transaction

EXACT_BELOW = 100_000
MILLISECONDS = 2_000  # after which nothing is counted: a table is locked, or full of what was deleted


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: with its schema where it is not found without.
        rows: how many there are; None where that is not known.
        estimated: whether that is the database's estimate.
        size: with its indexes, in bytes; None where that is not known.
    """

    name: str
    rows: int | None
    estimated: bool
    size: int | None


@dataclass(frozen=True)
class _Listed:
    """What the catalogue says of a table.

    Attributes:
        quoted: its name in SQL.
        estimate: how many rows there were when PostgreSQL last looked; None before that.
        readable: whether this role may count them.
    """

    oid: int
    name: str
    quoted: str
    estimate: int | None
    readable: bool


def tables() -> list[Table]:
    """Every table by name: its rows are counted below 100,000 of them, and estimated above.

    Raises:
        OperationalError: the database does not answer.
    """
    listed = _listed()
    try:
        return _counted(listed) if listed else []
    except (OperationalError, ProgrammingError):  # it took too long; or one was dropped meanwhile
        return [Table(name=table.name, rows=table.estimate, estimated=True, size=None) for table in listed]


def _listed() -> list[_Listed]:
    """From the catalogue alone, which is not locked when a table is."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.oid, CASE WHEN pg_table_is_visible(c.oid) THEN c.relname ELSE n.nspname || '.' || c.relname END,"
            " format('%I.%I', n.nspname, c.relname), nullif(c.reltuples, -1)::bigint,"
            " has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')"
            " FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
            " WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'"
            " AND n.nspname NOT IN ('pg_catalog', 'information_schema')"
        )
        listed = [_Listed(*row) for row in cursor.fetchall()]
    return sorted(listed, key=lambda table: table.name)


def _counted(listed: list[_Listed]) -> list[Table]:
    """Count all of them in one query, which reads no table further than the limit, and one that is larger not at all.

    Raises:
        OperationalError: it took too long.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = {MILLISECONDS}")
        cursor.execute(" UNION ALL ".join(_count(table) for table in listed))
        found = {oid: (rows, size) for oid, rows, size in cursor.fetchall()}
        return [_table(table, *found[table.oid]) for table in listed]


def _count(table: _Listed) -> str:
    rows = "NULL"
    if table.readable and (table.estimate or 0) < EXACT_BELOW:
        rows = f"(SELECT count(*) FROM (SELECT FROM {table.quoted} LIMIT {EXACT_BELOW}) AS first)"  # noqa: S608 - quoted
    return f"SELECT {table.oid}, {rows}::bigint, pg_total_relation_size({table.oid})"


def _table(table: _Listed, rows: int | None, size: int) -> Table:
    estimated = rows is None or rows >= EXACT_BELOW
    if estimated and table.readable:
        rows = max(rows or 0, _planned(table))
    elif estimated:
        rows = table.estimate
    return Table(name=table.name, rows=rows, estimated=estimated, size=size)


def _planned(table: _Listed) -> int:
    """The planner's estimate: the rows of a page when PostgreSQL last looked, times the pages that there are now."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) SELECT FROM {table.quoted}")
        [[[plan]]] = cursor.fetchall()
    return int(plan["Plan"]["Plan Rows"])
