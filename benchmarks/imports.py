"""How many rows of a file are imported in a second, beside PostgreSQL's own COPY of the same file; and the memory.

    python benchmarks/imports.py [--rows 100000] [--rounds 3] [--large 1000000] [--server postgresql://…]

It makes databases, in a PostgreSQL of its own unless a server is named, and drops them. Rates are medians over the
rounds. The large file is imported once, for what the memory grows by.
"""

import argparse
import csv
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.scratch import scratch_databases, set_up

COLUMNS = ("isbn", "title", "pages", "price", "published")


def main() -> int:
    """Measure and print."""
    options = _options()
    with scratch_databases(options.server) as scratch, tempfile.TemporaryDirectory() as folder:
        set_up(scratch)
        from benchmarks import books

        books.make_table()
        file = Path(folder) / "books.csv"
        _write(file, options.rows)
        few = Path(folder) / "few.csv"
        _write(few, max(options.rows // 20, 1))
        measures: dict[str, tuple[Path, Callable[[Path], None]]] = {
            "COPY": (file, books.copy),
            "import of new rows, in bulk": (file, books.importing("books")),
            "import of rows that are there, unchanged": (file, books.importing("books", empties=False)),
            "import in bulk, --partial": (file, books.importing("books", partial=True)),
            "import of new rows, each saved by itself": (few, books.importing("saved-books")),
        }
        rates: dict[str, list[float]] = {name: [] for name in measures}
        for number in range(options.rounds):
            for name, (path, run) in measures.items():
                begin = time.perf_counter()
                run(path)
                rates[name].append(_rows(path) / (time.perf_counter() - begin))
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
        _report(rates)
        if options.large:
            _write(file, options.large)
            before = _peak()
            begin = time.perf_counter()
            books.importing("books")(file)
            rate = options.large / (time.perf_counter() - begin)
            print(f"{options.large:,} rows at once: {rate:,.0f}/s; peak memory {before:.0f} MB, then {_peak():.0f}")
        from django.db import connections

        connections.close_all()
    return 0


def _write(path: Path, rows: int) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for number in range(rows):
            day = f"20{number % 25:02}-{number % 12 + 1:02}-{number % 28 + 1:02}"
            writer.writerow([f"978-{number:09}", f"The book that has the number {number}", number % 900, "12.50", day])


def _rows(path: Path) -> int:
    with path.open() as file:
        return sum(1 for _line in file) - 1


def _peak() -> float:
    """The most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _report(rates: dict[str, list[float]]) -> None:
    copied = statistics.median(rates["COPY"])
    for name, found in rates.items():
        rate = statistics.median(found)
        print(f"{name:42}{rate:>12,.0f}/s{rate / copied:>8.3f} of COPY")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure imports beside COPY.")
    parser.add_argument("--rows", type=int, default=100_000, help="of the file (default: 100000)")
    parser.add_argument("--rounds", type=int, default=3, help="how often everything is measured (default: 3)")
    parser.add_argument("--large", type=int, default=1_000_000, help="rows for the memory; 0 for none")
    parser.add_argument("--server", default="", help="URL of a PostgreSQL on which databases may be made")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
