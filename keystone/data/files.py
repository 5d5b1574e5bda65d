"""Open a file of rows by its suffix: CSV or XLSX, read row by row."""

import hashlib
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from django.utils.translation import gettext

from keystone.data.csv_files import CsvFile
from keystone.data.rows import FileUnusable, Row, RowSource
from keystone.data.xlsx_files import opened_workbook

__all__ = ["FileUnusable", "Row", "RowSource", "fingerprint", "opened"]
CSV = (".csv", ".tsv", ".txt")
XLSX = (".xlsx", ".xlsm")


@contextmanager
def opened(
    path: Path, *, encoding: str = "utf-8-sig", delimiter: str | None = None, sheet: str | None = None
) -> Iterator[RowSource]:
    """Open a file and yield its rows, which follow a header with the column names.

    Args:
        encoding: of a CSV file. A byte order mark takes precedence.
        delimiter: of a CSV file; None detects it from the header.
        sheet: of a workbook; None for the first visible sheet.

    Raises:
        FileUnusable: the file cannot be read, or is of an unsupported type.
    """
    with _reading(path) as file:
        kind = path.suffix.lower()
        if kind in CSV:
            yield CsvFile(path, file, encoding=encoding, delimiter=delimiter)
        elif kind in XLSX:
            with opened_workbook(path, file, sheet=sheet) as source:
                yield source
        else:
            text = gettext("Files of this kind cannot be read. Accepted: %(kinds)s.")
            raise FileUnusable(path, text % {"kinds": ", ".join(CSV + XLSX)})


def fingerprint(path: Path) -> str:
    """Return the SHA-256 digest of a file's contents.

    Raises:
        FileUnusable: the file cannot be read.
    """
    with _reading(path) as file:
        try:
            return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise FileUnusable(path, str(error.strerror)) from None


@contextmanager
def _reading(path: Path) -> Iterator[BufferedReader]:
    try:
        # Checked first, because opening a pipe would block until somebody writes to it.
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise FileUnusable(path, gettext("This is a folder. Give a file."))
        if not stat.S_ISREG(mode):
            raise FileUnusable(path, gettext("This is not a regular file."))
        file = path.open("rb")
    except FileNotFoundError:
        raise FileUnusable(path, gettext("There is no such file.")) from None
    except PermissionError:
        raise FileUnusable(path, gettext("There is no permission to read it.")) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL character in its name
        raise FileUnusable(path, str(getattr(error, "strerror", None) or error)) from None
    with file:
        yield file
