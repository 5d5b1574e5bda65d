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
    """The rows of a file, below a header that names their columns.

    Args:
        encoding: of a CSV file. One that begins with a byte order mark says itself how it is written.
        delimiter: of a CSV file; None finds it in the header.
        sheet: of a workbook; None takes the first that is not hidden.

    Raises:
        FileUnusable: it cannot be read, or is no file of rows.
    """
    with _reading(path) as file:
        kind = path.suffix.lower()
        if kind in CSV:
            yield CsvFile(path, file, encoding=encoding, delimiter=delimiter)
        elif kind in XLSX:
            with opened_workbook(path, file, sheet=sheet) as source:
                yield source
        else:
            text = gettext("A file of this kind is not read. Accepted are %(kinds)s.")
            raise FileUnusable(path, text % {"kinds": ", ".join(CSV + XLSX)})


def fingerprint(path: Path) -> str:
    """The SHA-256 of what a file has in it.

    Raises:
        FileUnusable: it cannot be read.
    """
    with _reading(path) as file:
        try:
            return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise FileUnusable(path, str(error.strerror)) from None


@contextmanager
def _reading(path: Path) -> Iterator[BufferedReader]:
    try:
        # Looked at first: opening a pipe would wait for somebody who writes into it.
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise FileUnusable(path, gettext("This is a folder: name a file in it."))
        if not stat.S_ISREG(mode):
            raise FileUnusable(path, gettext("This is no ordinary file."))
        file = path.open("rb")
    except FileNotFoundError:
        raise FileUnusable(path, gettext("There is no such file.")) from None
    except PermissionError:
        raise FileUnusable(path, gettext("There is no right to read it.")) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL character in its name
        raise FileUnusable(path, str(getattr(error, "strerror", None) or error)) from None
    with file:
        yield file
