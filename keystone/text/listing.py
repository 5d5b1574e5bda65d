"""The first few of many names."""

from collections.abc import Sequence

SHOWN = 3


def first_few(names: Sequence[str]) -> str:
    """Return the first names separated by commas, with an ellipsis if there are more."""
    return ", ".join(names[:SHOWN]) + (" …" if len(names) > SHOWN else "")
