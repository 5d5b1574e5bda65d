"""How things are written: the sign for what is empty and, language by language, dates and times."""

EMPTY = "–"  # noqa: RUF001 - an en dash, as in a table
