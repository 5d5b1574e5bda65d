"""Read a sheet of an XLSX file row by row. Cell values are interpreted by openpyxl.

Only the shared strings of the workbook and one row at a time are in memory.
"""

import struct
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from xml.parsers.expat import ExpatError
from zipfile import BadZipFile

from django.utils.translation import gettext

from keystone.conf import options
from keystone.data.rows import FileUnusable, Row, columns_of, excess, failed_formula, is_error
from keystone.data.xlsx_parts import Parts, TooLargeError
from keystone.data.xlsx_rows import Rows
from keystone.data.xlsx_workbook import Sheet, Structure, structure_of

_OLD = b"\xd0\xcf\x11\xe0"  # how password-protected files and .xls files begin
# Exceptions that zipfile, the XML parser and openpyxl raise for a damaged file.
_DAMAGE = (
    *(ArithmeticError, AttributeError, BadZipFile, EOFError, ExpatError, LookupError, OSError),
    *(RuntimeError, TypeError, ValueError, struct.error, zlib.error),
)


class XlsxSheet:
    """An open sheet. Its cells are text, numbers, booleans, and dates and times without a time zone."""

    def __init__(self, path: Path, rows: Rows) -> None:
        """Read the header.

        Raises:
            FileUnusable: the sheet has no header, or cannot be read.
        """
        self._path = path
        self._number = 0
        self._rows = rows
        self._found = iter(rows)
        header = next((cells for cells in self._read() if cells), None)
        if header is None:
            raise FileUnusable(path, gettext("The sheet is empty."))
        self.columns, self._skipped = columns_of([str(cell) for cell in header], path, row=self._number)

    def rows(self) -> Iterator[Row]:
        """Yield the rows below the header. Can be called only once.

        Raises:
            FileUnusable: the sheet cannot be read any further.
        """
        for cells in self._read():
            yield self._row(cells[self._skipped :])

    def progress(self) -> tuple[int, int]:
        """Return the number of rows read, and the total that the sheet declares, or the first if that is larger."""
        return self._number, max(self._number, self._rows.said)

    def _row(self, cells: list[Any]) -> Row:
        values = dict.fromkeys(self.columns, "") | dict(zip(self.columns, cells, strict=False))
        faults = [failed_formula(column, value) for column, value in values.items() if is_error(value)]
        extra = tuple(cells[len(self.columns) :])
        if extra:
            faults.append(excess(len(cells), len(self.columns)))
        return Row(self._number, values, " ".join(faults), extra)

    def _read(self) -> Iterator[list[Any]]:
        """Yield the cells of every row, up to the last that is not empty."""
        while True:
            try:
                found = next(self._found, None)
            except (TooLargeError, *_DAMAGE) as error:
                raise _unusable(self._path, error, row=self._number + 1) from None
            if found is None:
                return
            self._number += 1
            yield found


@contextmanager
def opened_workbook(path: Path, file: BinaryIO, *, sheet: str | None) -> Iterator[XlsxSheet]:
    """Open a sheet of a workbook.

    Args:
        sheet: its name; None for the first visible sheet.

    Raises:
        FileUnusable: there is no such sheet, or the workbook cannot be read.
    """
    beginning = file.read(len(_OLD))
    file.seek(0)
    if not beginning:
        raise FileUnusable(path, gettext("The file is empty."))
    if beginning == _OLD:
        text = gettext(
            "The file is protected by a password, or in Excel's old format. Save it as .xlsx without a password."
        )
        raise FileUnusable(path, text)
    try:
        parts = Parts(file, most=options().import_unpacked_mb * 1024 * 1024)
    except (TooLargeError, *_DAMAGE) as error:
        raise _unusable(path, error) from None
    with closing(parts):
        try:
            workbook = structure_of(parts)
        except (TooLargeError, *_DAMAGE) as error:
            raise _unusable(path, error) from None
        chosen = _sheet(path, workbook, sheet)
        yield XlsxSheet(path, Rows(parts, chosen.part, workbook))


def _sheet(path: Path, workbook: Structure, name: str | None) -> Sheet:
    if name is None:
        found = next((sheet for sheet in workbook.sheets if sheet.is_visible), None)
        if found is None:
            raise FileUnusable(path, gettext("The workbook has no sheet with rows."))
        return found
    # Excel also ignores the case of names.
    found = next((sheet for sheet in workbook.sheets if sheet.title.casefold() == name.casefold()), None)
    if found is None:
        there = ", ".join(sheet.title for sheet in workbook.sheets)
        text = gettext("There is no sheet “%(name)s”. There are: %(there)s.")
        raise FileUnusable(path, text % {"name": name, "there": there})
    return found


def _unusable(path: Path, error: Exception, *, row: int | None = None) -> FileUnusable:
    text = gettext("This is not an XLSX file, or it is damaged. Open it in a spreadsheet program and save it again.")
    return FileUnusable(path, str(error) if isinstance(error, TooLargeError) else text, row=row)
