"""What the statements of a list read. How long it takes is never asserted."""

from collections.abc import Callable, Iterator
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext


def analyze(table: str) -> None:
    """Tell the planner what a table holds, and keep it from reading all of it where that is still quick."""
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {table}")
        cursor.execute("SET LOCAL enable_seqscan = off")


def read_from(table: str, ask: Callable[[], Any]) -> tuple[set[str], int]:
    """Ask, and run each of its SELECTs of sorted rows of a table again, explained.

    Counts are left out: those of the admin have a limit, and the numbers by status are remembered.

    Returns:
        The names of the indexes, with `Seq Scan` for the whole table, and how many rows were read at most.
    """
    with CaptureQueriesContext(connection) as made:
        answer = ask()
    assert answer.status_code == 200
    statements = [query["sql"] for query in made.captured_queries]
    indexes, most = set(), 0
    for statement in (one for one in statements if f'FROM "{table}"' in one and " ORDER BY " in one):
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}")
            (explained,) = cursor.fetchone()
        for node in nodes_of(explained[0]["Plan"]):
            if node.get("Relation Name") == table:
                indexes.add(node.get("Index Name", node["Node Type"]))
                read = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
                most = max(most, int(read))
            elif node["Node Type"] == "Bitmap Index Scan":
                indexes.add(node["Index Name"])
    return indexes - {"Bitmap Heap Scan", f"{table}_pkey"}, most


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The nodes of a plan."""
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes_of(child)
