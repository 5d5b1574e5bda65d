"""The keys of a file in a temporary database, because they may not fit into memory."""

import sqlite3
from hashlib import blake2b
from types import TracebackType
from typing import Self

_CACHE = 32 * 1024  # KiB of the database in memory; the rest is in a file
_DIGEST = 16  # bytes; enough to rule out collisions


class SeenKeys:
    """The keys of a file, each with the first row that has it."""

    def __init__(self) -> None:
        # "" is a temporary database. SQLite creates a file for it when needed and deletes the file at the end.
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute(f"PRAGMA cache_size = -{_CACHE}")
        self._database.execute("CREATE TABLE seen (key BLOB PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID")
        self._database.execute("BEGIN")  # one transaction, which is never committed

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._database.close()

    def first(self, key: tuple[str, ...], number: int) -> int | None:
        """Record a key.

        Args:
            number: the number of the row.

        Returns:
            The number of the first row with this key; None if it is this one.
        """
        digest = _digest(key)
        noted = self._database.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (digest, number))
        if noted.rowcount:
            return None
        [[before]] = self._database.execute("SELECT number FROM seen WHERE key = ?", (digest,))
        return int(before)


def _digest(key: tuple[str, ...]) -> bytes:
    """Return a digest of a key. Each part is preceded by its length, so that the parts are unambiguous."""
    parts = [part.encode("utf-8", "surrogatepass") for part in key]
    return blake2b(b"".join(b"%d:%b" % (len(part), part) for part in parts), digest_size=_DIGEST).digest()
