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
_JOINERS = {"\u200c", "\u200d"}  # which names are written with


def printable(text: str) -> str:
    """The text in one line, without signs that move a terminal's cursor or turn its writing round.

    What people typed could otherwise forge a line, or paint over one.
    """
    return "".join(sign if _is_printable(sign) else " " for sign in escaped(text))


def _is_printable(sign: str) -> bool:
    return unicodedata.category(sign) not in _UNPRINTABLE or sign in _JOINERS


def as_json_text(what: Any) -> str:
    """Data as JSON: times in ISO 8601, addresses and names as they are."""
    return _as_json_text(what, ensure_ascii=False)


def print_json(out: OutputWrapper, what: Any) -> None:
    """Print data as JSON, which is all ASCII where the stream's encoding lacks some of it."""
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
    """Print rows below headings. On a terminal it is as wide as that; into a file or a pipe, as wide as its rows.

    Args:
        rows: a cell that is None is empty; numbers stand at the right.
    """
    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    listed = [list(row) for row in rows]
    for place, heading in enumerate(headings):
        is_number = bool(listed) and all(isinstance(row[place], int | float) for row in listed)
        table.add_column(Text(heading), justify="right" if is_number else "left", overflow="fold")
    for row in listed:
        table.add_row(*(Text("" if cell is None else printable(str(cell))) for cell in row))
    # Not into `out` itself, which would end even the nothing that rich writes there first with a line break.
    screen, is_terminal = StringIO(), out.isatty()
    console = Console(file=screen, highlight=False, force_terminal=is_terminal, width=None if is_terminal else 10_000)
    console.print(table)
    for line in screen.getvalue().splitlines():
        out.write(line.rstrip())


def print_pairs(out: OutputWrapper, pairs: Iterable[tuple[str, Any]]) -> None:
    """Print what something is, a line each: the name, then the value. A value of None is left out."""
    listed = [(name, printable(str(value))) for name, value in pairs if value is not None]
    width = max((len(name) for name, _value in listed), default=0)
    for name, value in listed:
        out.write(f"{name:<{width}}  {value}")
