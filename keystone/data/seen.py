"""The keys that a file has had, in a temporary database: there may be more than memory holds."""

import sqlite3
from hashlib import blake2b
from types import TracebackType
from typing import Self

_CACHE = 32 * 1024  # KiB of the database in memory; what is beyond lies in a file
_DIGEST = 16  # bytes: of all files ever read, no two keys of one will share them


class Seen:
    """The keys of a file, each with the row that had it first."""

    def __init__(self) -> None:
        # "" is a database in a file of its own, which SQLite makes when it is needed and takes away at the end.
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute(f"PRAGMA cache_size = -{_CACHE}")
        self._database.execute("CREATE TABLE seen (key BLOB PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID")
        self._database.execute("BEGIN")  # one transaction, which is never to last

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._database.close()

    def first(self, key: tuple[str, ...], number: int) -> int | None:
        """Note a key.

        Args:
            number: of the row that has it.

        Returns:
            The number of the row that had it first; None if this is the first.
        """
        digest = _digest(key)
        noted = self._database.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (digest, number))
        if noted.rowcount:
            return None
        [[before]] = self._database.execute("SELECT number FROM seen WHERE key = ?", (digest,))
        return int(before)


def _digest(key: tuple[str, ...]) -> bytes:
    """A short name of a key. The length of each part goes before it, so that none can take over from the next."""
    parts = [part.encode("utf-8", "surrogatepass") for part in key]
    return blake2b(b"".join(b"%d:%b" % (len(part), part) for part in parts), digest_size=_DIGEST).digest()
