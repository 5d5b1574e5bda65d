"""Write the file of refused rows, with reasons, to be corrected and imported again."""

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
    """There is a file of this name; it may be somebody's work, and is not written over."""

    code = "refused_rows_exist"

    def __init__(self, path: Path) -> None:
        text = gettext("The refused rows cannot be written: %(path)s is there already. Move it, or name another.")
        super().__init__(text % {"path": path})


class RefusedRowsNotWritten(Refusal):
    """The file cannot be written."""

    code = "refused_rows_not_written"

    def __init__(self, path: Path, error: OSError) -> None:
        text = gettext("The refused rows cannot be written: %(path)s: %(said)s.")
        super().__init__(text % {"path": path, "said": error.strerror})


class RefusedRows:
    """A CSV file, which is made when the first row is refused. Only its owner can read it.

    Attributes:
        path: where it is.
        count: how many rows it has.
    """

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        """Args:
        columns: those of the file that the rows are from.
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
            # What ended the block is the better reason.
            if error is None:
                raise RefusedRowsNotWritten(self.path, unwritten) from None

    def add(self, row: Row, reasons: str) -> None:
        """Write a row with its number and why it is refused, and what it had in the file.

        Raises:
            RefusedRowsExist: there was such a file before.
            RefusedRowsNotWritten: the disk is full, or the like.
        """
        # What looks like a formula has an apostrophe before it, which comes off when the corrected file is imported.
        # A row with too few cells, or too many, is written with as many, so that it is not taken for a whole one then.
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
        """Give what was written to the system, which keeps it though this process is killed.

        Raises:
            RefusedRowsNotWritten: the disk is full, or the like.
        """
        try:
            if self._file is not None:
                self._file.flush()
        except OSError as error:
            raise RefusedRowsNotWritten(self.path, error) from None

    def take_over(self, earlier: Path, *, until: int) -> None:
        """Begin with what an interrupted import had refused up to a row. What it refused later is refused anew.

        Args:
            earlier: its file, which may be this one; one that is gone, or is another now, is passed over.

        Raises:
            RefusedRowsExist: there is another file of this name.
            RefusedRowsNotWritten: the disk is full, or the like.
        """
        if not is_of_refused_rows(earlier, self._columns):
            return
        is_same = earlier.absolute() == self.path.absolute()
        if not is_same and self.path.exists():
            raise RefusedRowsExist(self.path)
        beside = self.path.with_name(f"{self.path.name}.new")  # in its stead once all of it is there
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
        # With the byte order mark, without which Excel reads UTF-8 as something else.
        return os.fdopen(descriptor, "w", encoding="utf-8-sig", errors="backslashreplace", newline="")


def is_of_refused_rows(path: Path, columns: Sequence[str]) -> bool:
    """Whether this is still the file that an import of these columns wrote."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            return next(csv.reader(file), None) == [*OF_REFUSED_ROWS, *columns]
    except (OSError, csv.Error):
        return False


def _up_to(path: Path, until: int) -> Iterator[list[str]]:
    """Its rows up to that one. A process that was killed may have left half of a later one."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file, suppress(csv.Error):
        records = csv.reader(file)
        next(records, None)
        for cells in records:
            if len(cells) < len(OF_REFUSED_ROWS) or not cells[0].isdecimal() or int(cells[0]) > until:
                return
            yield cells


def _text(value: Any) -> str:
    """The value as it is read again: a day without its midnight, which spreadsheets give every date."""
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time.min and not value.tzinfo else value.isoformat(" ")
    return safe_cell(value)
