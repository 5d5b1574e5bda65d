"""Cursors of keyset pagination, as they appear in URLs."""

import base64
import binascii
import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Cursor:
    """A place in a list: how it is sorted, the sorted values of the row beside it, and which way to read on."""

    ordering: str
    values: tuple[str | None, ...]
    backwards: bool = False

    def encode(self) -> str:
        """The cursor as it stands in a URL."""
        packed = json.dumps([self.ordering, *self.values, self.backwards], separators=(",", ":"))
        return base64.urlsafe_b64encode(packed.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str, *, ordering: str, length: int) -> "Cursor":
        """Read a cursor of our own.

        Args:
            ordering: how its list is sorted.
            length: how many values it has.

        Raises:
            ValueError: it is none.
        """
        try:
            packed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            sorted_by, *values, backwards = json.loads(packed)
        except (binascii.Error, UnicodeError, TypeError, RecursionError) as error:
            raise ValueError(text) from error
        if sorted_by != ordering or len(values) != length or "\x00" in "".join(map(str, values)):
            raise ValueError(text)
        texts = tuple(None if value is None else str(value) for value in values)
        "".join(text for text in texts if text).encode()  # a lone surrogate is no text that the database could compare
        return cls(ordering, texts, backwards is True)
