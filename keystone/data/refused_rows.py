"""Write refused rows to a file with the reasons, to be corrected and imported again."""

import csv
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, time
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from django.utils.translation import gettext

from keystone.data.rows import OF_REFUSED_ROWS, Row
from keystone.exceptions import Refusal
from keystone.text.spreadsheet import safe_cell


class RefusedRowsExist(Refusal):
    """The file already exists and is not overwritten, because it may contain corrections."""

    code = "refused_rows_exist"

    def __init__(self, path: Path) -> None:
        text = gettext("The refused rows cannot be written: %(path)s already exists. Move it, or give another name.")
        super().__init__(text % {"path": path})


class RefusedRowsNotWritten(Refusal):
    """The file cannot be written."""

    code = "refused_rows_not_written"

    def __init__(self, path: Path, error: OSError) -> None:
        text = gettext("The refused rows cannot be written: %(path)s: %(said)s.")
        super().__init__(text % {"path": path, "said": error.strerror})


class RefusedRows:
    """A CSV file that is created when the first row is refused. Only its owner can read it.

    Attributes:
        path: the path of the file.
        count: the number of rows in it.
    """

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        """Initialize without creating the file.

        Args:
            columns: the columns of the imported file.
        """
        self.path = path
        self.count = 0
        self._columns = tuple(columns)
        self._file: IO[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        file, self._file = self._file, None
        if file is None:
            return
        try:
            file.close()
        except OSError as unwritten:
            # An error of the block takes precedence.
            if error is None:
                raise RefusedRowsNotWritten(self.path, unwritten) from None

    def add(self, row: Row, reasons: str) -> None:
        """Write a row with its number, the reasons, and its cells.

        Raises:
            RefusedRowsExist: the file already exists.
            RefusedRowsNotWritten: the disk is full, or a similar error occurred.
        """
        # Text that looks like a formula gets a leading apostrophe, which is removed when the file is imported again.
        # A row with too few or too many cells keeps their number, so that it is not mistaken for a complete one.
        cells = [row.cells[column] for column in self._columns if column in row.cells]
        try:
            if self._file is None:
                self._file = self._made(self.path)
                csv.writer(self._file).writerow([*OF_REFUSED_ROWS, *self._columns])
            csv.writer(self._file).writerow([row.number, reasons, *map(_text, [*cells, *row.extra])])
        except FileExistsError:
            raise RefusedRowsExist(self.path) from None
        except OSError as error:
            raise RefusedRowsNotWritten(self.path, error) from None
        self.count += 1

    def flush(self) -> None:
        """Pass buffered rows to the operating system, so that they survive if this process is killed.

        Raises:
            RefusedRowsNotWritten: the disk is full, or a similar error occurred.
        """
        try:
            if self._file is not None:
                self._file.flush()
        except OSError as error:
            raise RefusedRowsNotWritten(self.path, error) from None

    def take_over(self, earlier: Path, *, until: int) -> None:
        """Start with the rows that an interrupted import had refused up to a row. Later rows are imported again.

        Args:
            earlier: its file, which may be this one. It is ignored if it is missing or no longer such a file.

        Raises:
            RefusedRowsExist: another file with this name exists.
            RefusedRowsNotWritten: the disk is full, or a similar error occurred.
        """
        if not is_of_refused_rows(earlier, self._columns):
            return
        is_same = earlier.absolute() == self.path.absolute()
        if not is_same and self.path.exists():
            raise RefusedRowsExist(self.path)
        beside = self.path.with_name(f"{self.path.name}.new")  # replaces the file when it is complete
        try:
            beside.unlink(missing_ok=True)
            self._file = self._made(beside)
            writer = csv.writer(self._file)
            writer.writerow([*OF_REFUSED_ROWS, *self._columns])
            for cells in _up_to(earlier, until):
                writer.writerow(cells)
                self.count += 1
            self._file.flush()
            beside.replace(self.path)
        except OSError as error:
            raise RefusedRowsNotWritten(self.path, error) from None

    def _made(self, path: Path) -> IO[str]:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        # Excel recognizes UTF-8 only by the byte order mark.
        return os.fdopen(descriptor, "w", encoding="utf-8-sig", errors="backslashreplace", newline="")


def is_of_refused_rows(path: Path, columns: Sequence[str]) -> bool:
    """Return whether the file has the header that an import of these columns writes."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            return next(csv.reader(file), None) == [*OF_REFUSED_ROWS, *columns]
    except (OSError, csv.Error):
        return False


def _up_to(path: Path, until: int) -> Iterator[list[str]]:
    """Yield the records up to this row. A killed process may have left an incomplete one after it."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file, suppress(csv.Error):
        records = csv.reader(file)
        next(records, None)
        for cells in records:
            if len(cells) < len(OF_REFUSED_ROWS) or not cells[0].isdecimal() or int(cells[0]) > until:
                return
            yield cells


def _text(value: Any) -> str:
    """Return the value as it can be read again: a date without the midnight that spreadsheets add."""
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time.min and not value.tzinfo else value.isoformat(" ")
    return safe_cell(value)
