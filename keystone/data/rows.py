"""Rows of a file in any format, and the error for unreadable files."""

import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from openpyxl.utils import get_column_letter

from keystone.exceptions import Refusal

# Columns that a file of refused rows has in front. They are ignored when reading, so that such a file can be corrected
# and imported as it is.
OF_REFUSED_ROWS = ("row", "reason")
# How spreadsheets show a failed formula and export it to CSV: #REF!, in German #BEZUG!, in Spanish #¡REF!.
_ERROR = re.compile(r"#[¡¿]?[^\W\d_a-z][^\W_a-z]*(?:/0)?[!?]|#[^\W\d_a-z]/[^\W\d_a-z]!?|#NV|Err:\d{3}")
# Errors of our own, for a formula without a value, and for a cell that is merged with another.
NOT_CALCULATED = "#FORMULA!"
MERGED = "#MERGED!"
MOST_COLUMNS = 16_384  # of a sheet; also the limit for CSV
LARGEST_CHUNK = 16 * 1024 * 1024  # bytes in memory
LONGEST_CELL = 1024 * 1024  # characters; limits the memory for a cell whose quotation mark is never closed


class FileUnusable(Refusal):
    """A file cannot be read, or not any further.

    Attributes:
        row: the first row that cannot be read; None if unknown, or if the whole file cannot be read.
    """

    code = "file_unusable"
    status = 400
    message: ClassVar[str | Promise] = _("The file cannot be used.")

    def __init__(self, path: Path, said: str, *, row: int | None = None) -> None:
        self.row = row
        text = "%(file)s: %(said)s" if row is None else gettext("%(file)s, row %(row)d: %(said)s")
        super().__init__(text % {"file": path, "row": row, "said": said})


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a file.

    Attributes:
        number: the row number as in a spreadsheet: the header is row 1, the next row 2.
        cells: by column. An empty cell is "". A row that is too short has only the columns up to its end.
        fault: why the row cannot be used, for display; "" if it can.
        extra: the cells beyond the last column.
    """

    number: int
    cells: dict[str, Any]
    fault: str = ""
    extra: tuple[Any, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether all cells are empty."""
        return not self.extra and all(value == "" for value in self.cells.values())


class RowSource(Protocol):
    """An open file.

    Attributes:
        columns: the stripped names of the header, in the file's order.
    """

    columns: tuple[str, ...]

    def rows(self) -> Iterator[Row]:
        """Yield the rows below the header one at a time, including empty ones. Can be called only once.

        Raises:
            FileUnusable: the file cannot be read any further.
        """

    def progress(self) -> tuple[int, int]:
        """Return how much was read and how much there is: bytes of a CSV file, rows of a sheet."""


def columns_of(header: Sequence[str], path: Path, *, row: int) -> tuple[tuple[str, ...], int]:
    """Return the columns of a header, and the number of cells before them that are ignored.

    Empty cells at its end are ignored: spreadsheets write them for columns that are only formatted.

    Args:
        header: the stripped cells of the header.

    Raises:
        FileUnusable: there are no columns, or a column has no name, an error as its name, or the name of another one.
    """
    width = max((place for place, name in enumerate(header, 1) if name), default=0)
    skipped = len(OF_REFUSED_ROWS) if tuple(header[: len(OF_REFUSED_ROWS)]) == OF_REFUSED_ROWS else 0
    columns = tuple(header[skipped:width])
    if not columns:
        raise FileUnusable(path, gettext("There is no header row."), row=row)
    for place, name in enumerate(header[:width], 1):
        if is_error(name):
            raise FileUnusable(path, failed_formula(get_column_letter(place), name), row=row)
    blank = [get_column_letter(place) for place, name in enumerate(columns, skipped + 1) if not name]
    if blank:
        text = gettext("The header has no name for column %(names)s.")
        raise FileUnusable(path, text % {"names": ", ".join(blank)}, row=row)
    times = Counter(name.casefold() for name in columns)
    double = [name for name in columns if times[name.casefold()] > 1]
    if double:
        text = gettext("The header has duplicate columns (case is ignored): %(names)s.")
        raise FileUnusable(path, text % {"names": ", ".join(dict.fromkeys(double))}, row=row)
    return columns, skipped


def excess(found: int, expected: int) -> str:
    """Return the message for a row with more cells than the header has columns."""
    text = ngettext(
        "The row has %(found)d cells, but the header has %(expected)d column.",
        "The row has %(found)d cells, but the header has %(expected)d columns.",
        expected,
    )
    return text % {"found": found, "expected": expected}


def lack(found: int, expected: int) -> str:
    """Return the message for a row with fewer cells than the header has columns."""
    text = ngettext(
        "The row has only %(found)d cell, but the header has %(expected)d columns.",
        "The row has only %(found)d cells, but the header has %(expected)d columns.",
        found,
    )
    return text % {"found": found, "expected": expected}


def is_error(value: Any) -> bool:
    """Return whether a cell contains an error of a spreadsheet, or one of our own."""
    return isinstance(value, str) and _ERROR.fullmatch(value) is not None


def failed_formula(column: str, error: Any) -> str:
    """Return the message for a cell with an error."""
    if error == NOT_CALCULATED:
        text = gettext(
            "“%(column)s” is a formula without a stored value: open the file in a spreadsheet program and save it."
        )
        return text % {"column": column}
    if error == MERGED:
        return gettext("“%(column)s” is merged with other cells: unmerge them.") % {"column": column}
    return gettext("“%(column)s” has the spreadsheet's error %(error)s.") % {"column": column, "error": error}


def without_blank_end(rows: Iterable[Row]) -> Iterator[Row]:
    """Yield the rows up to the last one that is not empty."""
    begins: Row | None = None  # first of consecutive empty rows, of which there may be a million
    for row in rows:
        if row.is_empty:
            begins = begins or row
            continue
        if begins is not None:
            yield from (Row(number, dict(begins.cells)) for number in range(begins.number, row.number))
            begins = None
        yield row


def chunks(rows: Iterable[Row], *, most: int) -> Iterator[tuple[Row, ...]]:
    """Yield the rows in chunks of `most` rows, or fewer if they take up much memory."""
    chunk: list[Row] = []
    size = 0
    for row in rows:
        chunk.append(row)
        size += sum(map(sys.getsizeof, (*row.cells.values(), *row.extra)))
        if len(chunk) == most or size > LARGEST_CHUNK:
            yield tuple(chunk)
            chunk, size = [], 0
    if chunk:
        yield tuple(chunk)
