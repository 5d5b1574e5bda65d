"""Text that is safe to show and to write: escapes, CSV cells, URLs without secrets, names that look alike."""

EMPTY = "–"  # noqa: RUF001 - an en dash, as in a table
