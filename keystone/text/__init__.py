"""Text that is safe to show and to write: escapes, CSV cells, URLs without secrets, look-alikes."""

EMPTY = "–"  # noqa: RUF001 - an en dash, as in a table
