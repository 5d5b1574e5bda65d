"""Output of commands: JSON for machines, tables for people."""

import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from typing import Any

from django.core.management.base import OutputWrapper
from django.core.serializers.json import DjangoJSONEncoder
from rich.console import Console
from rich.table import Table
from rich.text import Text

from keystone.text.escaping import escaped

_UNPRINTABLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_JOINERS = {"\u200c", "\u200d"}  # used in names


def printable(text: str) -> str:
    """Return the text on one line, without characters that move a terminal's cursor or change the text direction.

    Otherwise user input could forge lines or overwrite them.
    """
    return "".join(sign if _is_printable(sign) else " " for sign in escaped(text))


def _is_printable(sign: str) -> bool:
    return unicodedata.category(sign) not in _UNPRINTABLE or sign in _JOINERS


def as_json_text(what: Any) -> str:
    """Return data as JSON, with times in ISO 8601 and without escaping non-ASCII characters."""
    return _as_json_text(what, ensure_ascii=False)


def print_json(out: OutputWrapper, what: Any) -> None:
    """Print data as JSON, in ASCII if the stream's encoding doesn't support all characters."""
    text = as_json_text(what)
    try:
        text.encode(getattr(out, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        text = _as_json_text(what, ensure_ascii=True)
    out.write(text)


def _as_json_text(what: Any, *, ensure_ascii: bool) -> str:
    return json.dumps(_escaped(what), cls=DjangoJSONEncoder, ensure_ascii=ensure_ascii, indent=2)


def _escaped(what: Any) -> Any:
    if isinstance(what, Mapping):
        return {key: _escaped(value) for key, value in what.items()}
    if isinstance(what, list | tuple):
        return [_escaped(value) for value in what]
    return escaped(what) if isinstance(what, str) else what


def print_table(out: OutputWrapper, headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows below headings. On a terminal the table fits its width; in a file or a pipe it is as wide as its rows.

    Args:
        rows: the cells of each row; None is shown as empty, and columns of numbers are right-aligned.
    """
    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    listed = [list(row) for row in rows]
    for place, heading in enumerate(headings):
        is_number = bool(listed) and all(isinstance(row[place], int | float) for row in listed)
        table.add_column(Text(heading), justify="right" if is_number else "left", overflow="fold")
    for row in listed:
        table.add_row(*(Text("" if cell is None else printable(str(cell))) for cell in row))
    # Not directly to `out`, which adds a newline to each write, even to rich's empty first one.
    screen, is_terminal = StringIO(), out.isatty()
    console = Console(file=screen, highlight=False, force_terminal=is_terminal, width=None if is_terminal else 10_000)
    console.print(table)
    for line in screen.getvalue().splitlines():
        out.write(line.rstrip())


def print_pairs(out: OutputWrapper, pairs: Iterable[tuple[str, Any]]) -> None:
    """Print names with their values, one per line. Values that are None are left out."""
    listed = [(name, printable(str(value))) for name, value in pairs if value is not None]
    width = max((len(name) for name, _value in listed), default=0)
    for name, value in listed:
        out.write(f"{name:<{width}}  {value}")
