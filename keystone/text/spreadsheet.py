"""CSV that is safe to open in a spreadsheet and can be imported again.

It is written line by line, so that an export of any size needs little memory.
"""

import csv
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

# What makes a spreadsheet take a cell for a formula (OWASP, "CSV Injection"): a sign at its beginning, or after what
# is trimmed or not seen there; and what could begin a line or a cell of its own.
FORMULA_SIGNS = frozenset("=+-@\u2212")  # \u2212 is the minus of typographers; NFKC brings the full-width ones here
BREAKS = ("\t", "\r", "\n")
BYTE_ORDER_MARK = "\ufeff"  # without it Excel reads UTF-8 as something else


class _Echo:
    """A file that gives back what is written to it."""

    def write(self, line: str) -> str:
        return line


def csv_lines(header: Sequence[Any], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """The lines of a CSV file (RFC 4180), the header first.

    Args:
        header: the names of the columns.
        rows: read one at a time. Times are written as ISO 8601 in UTC, None as an empty cell.
    """
    writer = csv.writer(_Echo())
    yield writer.writerow([safe_cell(value) for value in header])
    for row in rows:
        yield writer.writerow([safe_cell(value) for value in row])


def safe_cell(value: Any) -> str:
    """The text of a cell; an apostrophe before it where a spreadsheet would calculate it.

    A text that has apostrophes before a formula already gets one more, so that `imported_text` finds the same again.
    """
    if value is None:
        return ""
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    return f"'{text}" if _is_formula(text.lstrip("'")) else text


def imported_text(cell: str) -> str:
    """The text of a cell without spaces around it; or, where `safe_cell` made it, what that was made of."""
    if cell.startswith("'") and _is_formula(cell.lstrip("'")):
        return cell[1:]
    return cell.strip()


def _is_formula(text: str) -> bool:
    first = next((sign for sign in text if unicodedata.category(sign)[0] not in "CZ"), "")
    return text.startswith(BREAKS) or unicodedata.normalize("NFKC", first) in FORMULA_SIGNS
