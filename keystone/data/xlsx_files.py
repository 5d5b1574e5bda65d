"""XLSX: a sheet of a workbook, read row by row with openpyxl.

openpyxl keeps in memory the texts of the workbook, and some 200 bytes of every row. The format bounds that: a sheet has
1,048,576 rows at most. Where even that is too much, there is CSV.
"""

import struct
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from lzma import LZMAError
from pathlib import Path
from typing import Any, BinaryIO
from warnings import catch_warnings
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile

from django.utils.translation import gettext
from openpyxl import Workbook, load_workbook

from keystone.data.rows import ERRORS, FileUnusable, Row, columns_of, excess, failed_formula

MOST_ROWS = 1_048_576
_OLD = b"\xd0\xcf\x11\xe0"  # how a file begins that Excel protected by a password; and the workbooks of old
# What zipfile, the XML parser and openpyxl raise when a file is not what it should be.
_DAMAGE = (
    *(ArithmeticError, AttributeError, BadZipFile, EOFError, LookupError, LZMAError, OSError, ParseError),
    *(RuntimeError, TypeError, ValueError, struct.error, zlib.error),
)


class XlsxSheet:
    """A sheet of a workbook that is open. Its cells are text, numbers, booleans, and dates and times without a zone."""

    def __init__(self, path: Path, sheet: Any) -> None:
        """Read the header.

        Raises:
            FileUnusable: the sheet has none, or it cannot be read.
        """
        self._path = path
        self._number = 0
        self._said = sheet.max_row or 0
        sheet.reset_dimensions()  # programs write them wrong, and openpyxl would leave out what lies beyond
        self._found = sheet.iter_rows(values_only=True)
        header = next((cells for cells in self._read() if cells), None)
        if header is None:
            raise FileUnusable(path, gettext("The sheet is empty."))
        self.columns, self._skipped = columns_of([str(cell) for cell in header], path, row=self._number)

    def rows(self) -> Iterator[Row]:
        """The rows below the header, once.

        Raises:
            FileUnusable: it cannot be read any further.
        """
        for cells in self._read():
            yield self._row(cells[self._skipped :])

    def progress(self) -> tuple[int, int]:
        """How many rows are read, and how many there are as the sheet says, or as were read where it says too few."""
        return self._number, max(self._number, self._said)

    def _row(self, cells: list[Any]) -> Row:
        values = dict.fromkeys(self.columns, "") | dict(zip(self.columns, cells, strict=False))
        faults = [failed_formula(column, value) for column, value in values.items() if value in ERRORS]
        extra = tuple(cells[len(self.columns) :])
        if extra:
            faults.append(excess(len(cells), len(self.columns)))
        return Row(self._number, values, " ".join(faults), extra)

    def _read(self) -> Iterator[list[Any]]:
        """The cells of every row, up to the last that has anything."""
        while True:
            try:
                with catch_warnings(action="ignore"):  # of dates that are none, and of formats that it does not know
                    found = next(self._found, None)
            except _DAMAGE:
                raise self._damaged() from None
            if found is None:
                return
            if self._number == MOST_ROWS:
                raise self._damaged()
            self._number += 1
            cells = [_value(value) for value in found]
            while cells and cells[-1] == "":
                cells.pop()
            yield cells

    def _damaged(self) -> FileUnusable:
        return FileUnusable(self._path, _damaged(), row=self._number + 1)


@contextmanager
def opened_workbook(path: Path, file: BinaryIO, *, sheet: str | None) -> Iterator[XlsxSheet]:
    """A sheet of a workbook.

    Args:
        sheet: its name; None takes the first that is not hidden.

    Raises:
        FileUnusable: there is no such sheet, or the workbook cannot be read.
    """
    beginning = file.read(len(_OLD))
    file.seek(0)
    if not beginning:
        raise FileUnusable(path, gettext("The file is empty."))
    if beginning == _OLD:
        text = gettext("It is protected by a password, or in Excel's old format. Save it as .xlsx without a password.")
        raise FileUnusable(path, text)
    try:
        with catch_warnings(action="ignore"):  # of styles and extensions that would not be written again
            workbook = load_workbook(file, read_only=True, data_only=True, keep_links=False)
    except _DAMAGE:
        raise FileUnusable(path, _damaged()) from None
    with closing(workbook):
        yield XlsxSheet(path, _sheet(path, workbook, sheet))


def _sheet(path: Path, workbook: Workbook, name: str | None) -> Any:
    sheets = workbook.worksheets
    if name is None:
        found = next((sheet for sheet in sheets if sheet.sheet_state == "visible"), None)
        if found is None:
            raise FileUnusable(path, gettext("The workbook has no sheet with rows."))
        return found
    # Excel tells names apart without capitals, too.
    found = next((sheet for sheet in sheets if sheet.title.casefold() == name.casefold()), None)
    if found is None:
        there = ", ".join(sheet.title for sheet in sheets)
        text = gettext("It has no sheet “%(name)s”. It has: %(there)s.")
        raise FileUnusable(path, text % {"name": name, "there": there})
    return found


def _value(value: Any) -> Any:
    if isinstance(value, str):
        # Excel writes a carriage return so, and openpyxl leaves it.
        return value.replace("_x000D_", "\r").strip()
    return "" if value is None else value


def _damaged() -> str:
    return gettext("It is no XLSX file, or a damaged one. Open it in a spreadsheet and save it again.")
