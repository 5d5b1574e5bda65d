"""CSV that is safe to open in a spreadsheet and can be imported again.

It is written line by line, so that an export of any size needs little memory.
"""

import csv
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

# Characters that make a spreadsheet treat a cell as a formula (OWASP, "CSV Injection"): at its beginning, or after
# whitespace and invisible characters; and those that could begin a new line or cell.
FORMULA_SIGNS = frozenset("=+-@\u2212")  # \u2212 is the minus sign; NFKC converts full-width characters to these
BREAKS = ("\t", "\r", "\n")
BYTE_ORDER_MARK = "\ufeff"  # Excel needs it to detect UTF-8


class _Echo:
    """A file-like object that returns what is written to it."""

    def write(self, line: str) -> str:
        return line


def csv_lines(header: Sequence[Any], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """Yield the lines of a CSV file (RFC 4180), beginning with the header.

    Args:
        header: the names of the columns.
        rows: read one at a time. Times are written in ISO 8601, None as an empty cell.
    """
    writer = csv.writer(_Echo())
    yield writer.writerow([safe_cell(value) for value in header])
    for row in rows:
        yield writer.writerow([safe_cell(value) for value in row])


def safe_cell(value: Any) -> str:
    """Return the text of a cell, prefixed with an apostrophe if a spreadsheet would treat it as a formula.

    If a formula has apostrophes before it already, one more is added, so that `imported_text()` restores the same text.
    """
    if value is None:
        return ""
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    return f"'{text}" if _is_formula(text.lstrip("'")) else text


def imported_text(cell: str) -> str:
    """Return the text of a cell, without the apostrophe that `safe_cell()` added, or without surrounding spaces."""
    if cell.startswith("'") and _is_formula(cell.lstrip("'")):
        return cell[1:]
    return cell.strip()


def _is_formula(text: str) -> bool:
    first = next((sign for sign in text if unicodedata.category(sign)[0] not in "CZ"), "")
    return text.startswith(BREAKS) or unicodedata.normalize("NFKC", first) in FORMULA_SIGNS
