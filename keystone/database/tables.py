"""Table sizes and row counts, at a low cost."""

from dataclasses import dataclass

from django.db import OperationalError, ProgrammingError, connection, transaction

EXACT_BELOW = 100_000
MILLISECONDS = 2_000  # limit for counting: a table may be locked or full of dead rows


@dataclass(frozen=True)
class Table:
    """A table with its size.

    Attributes:
        name: with the schema if that is not on the search path.
        rows: number of rows; None if unknown.
        estimated: whether `rows` is an estimate of the database.
        size: size in bytes including indexes; None if unknown.
    """

    name: str
    rows: int | None
    estimated: bool
    size: int | None


@dataclass(frozen=True)
class _Listed:
    """A table as listed in the system catalog.

    Attributes:
        quoted: the quoted name for SQL.
        estimate: PostgreSQL's last estimate of the number of rows; None if it has none yet.
        readable: whether this role may count the rows.
    """

    oid: int
    name: str
    quoted: str
    estimate: int | None
    readable: bool


def tables() -> list[Table]:
    """Return every table, sorted by name. Rows are counted up to 100,000 and estimated above that.

    Raises:
        OperationalError: the database does not answer.
    """
    listed = _listed()
    try:
        return _counted(listed) if listed else []
    except (OperationalError, ProgrammingError):  # it took too long, or a table was dropped in the meantime
        return [Table(name=table.name, rows=table.estimate, estimated=True, size=None) for table in listed]


def _listed() -> list[_Listed]:
    """List the tables from the system catalog only, which is readable while a table is locked."""
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
    """Count all tables in one query, which stops at the limit and skips tables that are known to be larger.

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
    """Return the planner's estimate: the last known rows per page times the current number of pages."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) SELECT FROM {table.quoted}")
        [[[plan]]] = cursor.fetchall()
    return int(plan["Plan"]["Plan Rows"])
