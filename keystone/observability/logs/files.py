"""Log files: one a day for each process, written, rotated and removed by loguru."""

import gzip
import os
import shutil
import socket
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loguru import Record

    from keystone.observability.logs.sinks import Formatting

KEPT = timedelta(days=7)


def file_sink(folder: Path, formatting: "Formatting") -> dict[str, Any]:
    """Return the arguments of loguru's `add` for `keystone-YYYY-MM-DD-HOST-PID.log` in a folder.

    A file is compressed by its process at the end of its day (UTC), readable only by its owner, and deleted after
    `KEPT`. Each process has its own file, because loguru renames it, which would lose entries of other processes.

    Args:
        folder: created if it is missing.
        formatting: a function that formats a record.
    """

    def entry(record: "Record") -> str:
        made: Any = record
        made["entry"] = formatting(record)
        return "{entry}"

    with suppress(OSError):  # each entry reports the error
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _remove_old(folder.glob("keystone-*.log*"))  # loguru does it only in a process that logs after midnight
    # Host and process id are part of the time format, so that the retention finds the files of all processes.
    return {
        "sink": folder / f"keystone-{{time:%Y-%m-%d-{socket.gethostname()}-{os.getpid()}!UTC}}.log",
        "format": entry,
        "rotation": time(0, tzinfo=UTC),
        "retention": _remove_old,
        "compression": _pack,
        "delay": True,  # until the first entry: most commands log nothing
        "opener": _open_own,
    }


def _open_own(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def _remove_old(paths: Iterable[str | Path]) -> None:
    """Delete files that were not written to for longer than `KEPT`. Other processes may do so at the same time."""
    before = (datetime.now(UTC) - KEPT).timestamp()
    for path in map(Path, paths):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < before:
                path.unlink()


def _pack(path: str) -> None:
    source = Path(path)
    with source.open("rb") as entries:
        target = os.fdopen(_open_own(f"{path}.gz", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb")
        with target, gzip.open(target, "wb") as packed:
            shutil.copyfileobj(entries, packed)
    source.unlink()
