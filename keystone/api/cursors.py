"""Cursors of keyset pagination, as they appear in URLs."""

import base64
import binascii
import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Cursor:
    """A position in a list: its ordering, the sort values of the adjacent row, and the direction to read in."""

    ordering: str
    values: tuple[str | None, ...]
    backwards: bool = False

    def encode(self) -> str:
        """Return the cursor as it appears in a URL."""
        packed = json.dumps([self.ordering, *self.values, self.backwards], separators=(",", ":"))
        return base64.urlsafe_b64encode(packed.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str, *, ordering: str, length: int) -> "Cursor":
        """Parse a cursor that `encode()` returned.

        Args:
            ordering: the ordering of its list.
            length: the number of its values.

        Raises:
            ValueError: it is not a cursor of this list.
        """
        try:
            packed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            sorted_by, *values, backwards = json.loads(packed)
        except (binascii.Error, UnicodeError, TypeError, RecursionError) as error:
            raise ValueError(text) from error
        if sorted_by != ordering or len(values) != length or "\x00" in "".join(map(str, values)):
            raise ValueError(text)
        texts = tuple(None if value is None else str(value) for value in values)
        "".join(text for text in texts if text).encode()  # the database can't compare lone surrogates
        return cls(ordering, texts, backwards is True)
