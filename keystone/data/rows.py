"""Rows of a file, whatever its format, and the error for unreadable files."""

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

# What a file of refused rows has before the columns of its own file. They are not read again, so that such a file can
# be corrected and imported as it is.
OF_REFUSED_ROWS = ("row", "reason")
# What spreadsheets show, and write into CSV, where a formula failed: #REF!, in German #BEZUG!, in Spanish #¡REF!.
_ERROR = re.compile(r"#[¡¿]?[^\W\d_a-z][^\W_a-z]*(?:/0)?[!?]|#[^\W\d_a-z]/[^\W\d_a-z]!?|#NV|Err:\d{3}")
# No spreadsheet has these errors. They stand for a formula without a value, and for a cell that is merged with another.
NOT_CALCULATED = "#FORMULA!"
MERGED = "#MERGED!"
MOST_COLUMNS = 16_384  # of a sheet; CSV has no more either
LARGEST_CHUNK = 16 * 1024 * 1024  # bytes in memory
LONGEST_CELL = 1024 * 1024  # characters; a quotation mark that is never closed ends there, instead of in the memory


class FileUnusable(Refusal):
    """A file cannot be read, or not any further.

    Attributes:
        row: the row from which on it cannot; None where that is not known, or where it is the whole file.
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
        number: as a spreadsheet counts: the header is 1, the first row below it 2.
        cells: by column. An empty one is "". A row that ends too early has only the columns up to there.
        fault: why it cannot be used, for people; "" where it can.
        extra: what it has beyond the last column.
    """

    number: int
    cells: dict[str, Any]
    fault: str = ""
    extra: tuple[Any, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether no cell has anything."""
        return not self.extra and all(value == "" for value in self.cells.values())


class RowSource(Protocol):
    """A file that is open.

    Attributes:
        columns: the names of the header, stripped, in the file's order.
    """

    columns: tuple[str, ...]

    def rows(self) -> Iterator[Row]:
        """The rows below the header, read one at a time, once. Those that are empty are among them.

        Raises:
            FileUnusable: it cannot be read any further.
        """

    def progress(self) -> tuple[int, int]:
        """How much is read, and of how much: bytes of a CSV file, rows of a workbook's sheet."""


def columns_of(header: Sequence[str], path: Path, *, row: int) -> tuple[tuple[str, ...], int]:
    """The columns that a header names, and how many cells stand before them that are not read.

    Empty cells at its end name none: spreadsheets write them for columns that are only formatted.

    Args:
        header: its cells, stripped.

    Raises:
        FileUnusable: one has no name or an error instead, or two have the same.
    """
    width = max((place for place, name in enumerate(header, 1) if name), default=0)
    skipped = len(OF_REFUSED_ROWS) if tuple(header[: len(OF_REFUSED_ROWS)]) == OF_REFUSED_ROWS else 0
    columns = tuple(header[skipped:width])
    if not columns:
        raise FileUnusable(path, gettext("There is no header that names columns."), row=row)
    for place, name in enumerate(header[:width], 1):
        if is_error(name):
            raise FileUnusable(path, failed_formula(get_column_letter(place), name), row=row)
    blank = [get_column_letter(place) for place, name in enumerate(columns, skipped + 1) if not name]
    if blank:
        text = gettext("The header has no name for the column %(names)s.")
        raise FileUnusable(path, text % {"names": ", ".join(blank)}, row=row)
    times = Counter(name.casefold() for name in columns)
    double = [name for name in columns if times[name.casefold()] > 1]
    if double:
        text = gettext("The header names a column twice (capitals do not count): %(names)s.")
        raise FileUnusable(path, text % {"names": ", ".join(dict.fromkeys(double))}, row=row)
    return columns, skipped


def excess(found: int, expected: int) -> str:
    """What is said of a row with more cells than the header has columns."""
    text = ngettext(
        "It has %(found)d cells, but the header names %(expected)d column.",
        "It has %(found)d cells, but the header names %(expected)d columns.",
        expected,
    )
    return text % {"found": found, "expected": expected}


def lack(found: int, expected: int) -> str:
    """What is said of a row with fewer cells than the header has columns."""
    text = ngettext(
        "It has only %(found)d cell, but the header names %(expected)d columns.",
        "It has only %(found)d cells, but the header names %(expected)d columns.",
        found,
    )
    return text % {"found": found, "expected": expected}


def is_error(value: Any) -> bool:
    """Whether a cell has the error of a formula, or one of ours."""
    return isinstance(value, str) and _ERROR.fullmatch(value) is not None


def failed_formula(column: str, error: Any) -> str:
    """What is said of a row with a spreadsheet's error in a cell."""
    if error == NOT_CALCULATED:
        text = gettext(
            "“%(column)s” is a formula without a stored value: open the file in a spreadsheet program and save it."
        )
        return text % {"column": column}
    if error == MERGED:
        return gettext("“%(column)s” is merged with other cells: unmerge them.") % {"column": column}
    return gettext("“%(column)s” has the spreadsheet's error %(error)s.") % {"column": column, "error": error}


def without_blank_end(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows up to the last that has anything: empty ones after it are no rows."""
    begins: Row | None = None  # a run of empty rows, which may be a million
    for row in rows:
        if row.is_empty:
            begins = begins or row
            continue
        if begins is not None:
            yield from (Row(number, dict(begins.cells)) for number in range(begins.number, row.number))
            begins = None
        yield row


def chunks(rows: Iterable[Row], *, most: int) -> Iterator[tuple[Row, ...]]:
    """The rows in chunks, which are held in memory: `most` of them, or fewer where they have much in them."""
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
