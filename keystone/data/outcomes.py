"""Options and results of an import."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from keystone.data.declarations import Existing
from keystone.data.models import DataRun
from keystone.data.recording import Counts
from keystone.exceptions import Refusal

CHUNK = 1_000
SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """How to import a file.

    Attributes:
        file: a CSV or XLSX file.
        trial: import everything, roll it back and report what would have changed.
        partial: write the valid rows, one chunk at a time; otherwise all rows are written or none.
        truncate: empty the table first; not with `partial`.
        resume: continue an interrupted partial import of the same file.
        restart: start an interrupted partial import again instead.
        existing: what to do with rows that are already in the table; None for the importer's default.
        skip_empty: skip empty rows, which are refused otherwise.
        unique: the columns that identify rows; empty for those of the importer.
        columns: our column names by the file's names.
        ignore_unknown: ignore columns that the importer does not know.
        encoding, delimiter, sheet: of the file; see `files.opened`.
        refused: the file for refused rows; None for one beside the imported file.
        chunk: number of rows that are written at once.
        shown: maximum number of changed and of refused rows in the outcome.
    """

    file: Path
    trial: bool = False
    partial: bool = False
    truncate: bool = False
    resume: bool = False
    restart: bool = False
    existing: Existing | None = None
    skip_empty: bool = False
    unique: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    ignore_unknown: bool = False
    encoding: str = "utf-8-sig"
    delimiter: str | None = None
    sheet: str | None = None
    refused: Path | None = None
    chunk: int = CHUNK
    shown: int = SHOWN


@dataclass(frozen=True)
class Changed:
    """What an import changes in a row.

    Attributes:
        row: the row number as in a spreadsheet: the header is row 1.
        is_new: whether the row was not in the table.
        values: the values before and after, by column; before is None for a new row.
    """

    row: int
    is_new: bool
    values: dict[str, tuple[Any, Any]]


@dataclass(frozen=True)
class Refused:
    """A row that cannot be imported, with the reason."""

    row: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class ImportResult:
    """The result of an import.

    Attributes:
        run: the recorded run.
        counts: rows read, written, unchanged and refused.
        created: how many of the written rows are new.
        changes: the first rows that were changed or created.
        refusals: the first rows that were refused.
        refused_file: the file with all refused rows; None if there are none.
        emptied: number of rows that `truncate` deleted.
        skipped_empty: number of empty rows that were skipped.
    """

    run: DataRun
    counts: Counts
    created: int
    changes: tuple[Changed, ...]
    refusals: tuple[Refused, ...]
    refused_file: Path | None
    emptied: int = 0
    skipped_empty: int = 0


class RowsRefused(Refusal):
    """Some rows cannot be imported, so none were."""

    code = "rows_refused"

    def __init__(self, message: str, imported: ImportResult) -> None:
        super().__init__(message)
        self.imported = imported
