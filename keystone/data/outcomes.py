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
        trial: do all of it, take it back, and say what would have changed.
        partial: write the rows that can be written, a chunk at a time; else all rows or none are.
        truncate: empty the table before; not with `partial`.
        resume: go on with an interrupted partial import of the same file.
        restart: begin it anew instead.
        existing: what happens to rows that the table has; None for what the importer says.
        skip_empty: pass over rows without anything in them, which are refused otherwise.
        unique: the columns that tell rows apart; none for those of the importer.
        columns: names that this file has for columns, each with ours.
        ignore_unknown: whether columns that the importer does not know may be there.
        encoding, delimiter, sheet: of the file; see `files.opened`.
        refused: where the refused rows go; None for a file beside this one.
        chunk: how many rows are dealt with at once.
        shown: of how many changed and refused rows the outcome tells.
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
    """What an import makes of a row.

    Attributes:
        row: its number, as a spreadsheet counts: the header is 1.
        is_new: whether the table has not had it.
        values: by column, what was before and what is then; before is None in a new row.
    """

    row: int
    is_new: bool
    values: dict[str, tuple[Any, Any]]


@dataclass(frozen=True)
class Refused:
    """A row that cannot be imported, and why."""

    row: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What came of an import.

    Attributes:
        run: what is kept of it.
        counts: rows read, written, unchanged and refused.
        created: how many of those that were written are new.
        changes: the first rows that it changed or made.
        refusals: the first rows that it refused.
        refused_file: where all refused rows are; None where there are none.
        emptied: how many rows `truncate` took away.
        skipped_empty: how many rows without anything in them were passed over.
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
    """Some rows cannot be imported, and so none were."""

    code = "rows_refused"

    def __init__(self, message: str, imported: Imported) -> None:
        super().__init__(message)
        self.imported = imported
