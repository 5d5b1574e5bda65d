"""Files of a day, which all processes of a machine share.

loguru's own rotation renames the file, and two processes that do so lose lines. Here nothing is renamed while it is
written: a file is named for its day (UTC), every entry is one `write` at its end (`O_APPEND`, which local disks do
whole), and whoever comes first packs the days that are over, under locks.
"""

import fcntl
import gzip
import os
import re
import shutil
import threading
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from keystone.observability.logs.sinks import Notice

if TYPE_CHECKING:
    from loguru import Message

    from keystone.observability.logs.sinks import Formatting

KEPT = timedelta(days=7)
# Entries of a day may still be on their way to its file for so long; only then is it packed.
GRACE = timedelta(minutes=5)
_NAME = re.compile(r"keystone-(\d{4}-\d\d-\d\d)(?:-\d+)?\.log(\.gz)?")


class DailyFileSink:
    """Appends to `keystone-YYYY-MM-DD.log` in a folder, readable for its owner alone; packs and removes old ones.

    Args:
        folder: made where it is missing. Local disk: NFS does not append whole.
        formatting: makes an entry of a record.
    """

    def __init__(self, folder: Path, formatting: "Formatting") -> None:
        self.folder = folder
        self.formatting = formatting
        self._notice = Notice()
        self._file: int | None = None
        self._day: date | None = None
        self._is_torn = False
        self._tidy_at = datetime.min.replace(tzinfo=UTC)

    def write(self, message: "Message") -> None:
        """Write an entry, as loguru asks; on a full disk it is lost here, and stderr says so once a minute."""
        try:
            self.append(self.formatting(message.record), datetime.now(UTC))
        except Exception as error:  # noqa: BLE001 - the application goes on without the line
            self._notice.give(f"The log cannot be written to {self.folder}: {type(error).__name__}: {error}")

    def append(self, text: str, now: datetime) -> None:
        """Append `text` to the file of the day.

        Raises:
            OSError: the folder cannot be written to, or the disk is full.
        """
        file = self._locked(now.date())
        try:
            self._append(file, text.encode("utf-8", "backslashreplace"))
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)
        if now >= self._tidy_at:
            self._tidy_at = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), UTC) + GRACE
            with suppress(RuntimeError):  # while the interpreter ends, no thread begins
                threading.Thread(target=tidy, args=(self.folder, now), name="log-tidying", daemon=True).start()

    def _append(self, file: int, data: bytes) -> None:
        if self._is_torn:
            data = b"\n" + data  # half an entry stands before it
        written = 0
        try:
            while written < len(data):
                written += os.write(file, data[written:])
        finally:
            self._is_torn = written < len(data) and (written > 0 or self._is_torn)

    def _locked(self, day: date) -> int:
        """The file of the day, which nobody packs until it is unlocked. Writers do not wait for each other."""
        while True:
            if self._file is None or self._day != day:
                self._file = self._open(day)
            fcntl.flock(self._file, fcntl.LOCK_SH)
            if os.fstat(self._file).st_nlink:
                return self._file
            self.stop()  # it was packed while a clock was behind

    def stop(self) -> None:
        """Close the file."""
        if self._file is not None:
            with suppress(OSError):
                os.close(self._file)
        self._file = None

    def _open(self, day: date) -> int:
        self.stop()
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._day, self._is_torn = day, False
        path = self.folder / f"keystone-{day.isoformat()}.log"
        flags = os.O_APPEND | os.O_NOFOLLOW
        try:
            return _open_own(path, flags)
        except PermissionError:  # of another user, who may have run a command here
            return _open_own(path.with_name(f"keystone-{day.isoformat()}-{os.getuid()}.log"), flags)


def _open_own(path: Path, flags: int) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | flags, 0o600)


def tidy(folder: Path, now: datetime) -> None:
    """Pack the files of days that are over, and remove those older than `KEPT`; of several at once, one does it."""
    with suppress(OSError), os.fdopen(_open_own(folder / ".tidying", 0), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # somebody else's: nothing is left to do
        for path in sorted(folder.iterdir()):
            if path.name.endswith(".part"):
                path.unlink()  # of a process that ended while it packed
                continue
            found = _NAME.fullmatch(path.name)
            if found is None:
                continue
            with suppress(OSError, ValueError):
                day = datetime.combine(date.fromisoformat(found[1]), datetime.min.time(), UTC)
                if now - day > KEPT + timedelta(days=1):
                    path.unlink()
                elif found[2] is None and now >= day + timedelta(days=1) + GRACE:
                    _pack(path)


def _pack(path: Path) -> None:
    part, packed = path.with_name(f"{path.name}.part"), path.with_name(f"{path.name}.gz")
    with path.open("rb") as source, os.fdopen(_open_own(part, os.O_TRUNC), "wb") as target:
        fcntl.flock(source, fcntl.LOCK_EX)  # whoever still writes waits, and then finds that it is gone
        if packed.exists():  # and was written to since, by a process whose clock was behind
            with packed.open("rb") as earlier:
                shutil.copyfileobj(earlier, target)  # a gzip file may have several parts (RFC 1952, section 2.2)
        with gzip.GzipFile(fileobj=target, mode="wb") as stream:
            shutil.copyfileobj(source, stream)
        part.replace(packed)
        path.unlink()
