"""The two forms of an entry: a JSON object for machines, lines for people. Neither can be forged by what it quotes."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from keystone.observability.logs.masking import masked

if TYPE_CHECKING:
    from loguru import Record

type Format = Literal["json", "lines"]
INDENT = "    "
# Control characters, line and paragraph separators, what turns the direction of text, lone surrogates, BOM.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
_ORIGIN = ("request_id", "ip", "task_id")  # in brackets on each line for people
_BESIDE = ("exception", "stack")  # below the line
# What the lines of requests say already; Django gives the status beside its own.
_IN_MESSAGE = ("method", "path", "status", "ms", "status_code", "server_time", "task")
_SHOWN_ELSEWHERE = frozenset((*_ORIGIN, *_BESIDE, *_IN_MESSAGE))


def as_json(record: "Record") -> str:
    """The entry as one JSON object on one line, in ASCII: every other character is escaped (RFC 8259, section 7)."""
    entry = {
        "time": _time(record["time"]),
        "level": record["level"].name,
        "logger": record["name"],
        "message": record["message"],
        "process": record["process"].id,
        "thread": record["thread"].name,
    }
    extra = {name if name not in entry else f"{name}_": value for name, value in record["extra"].items()}
    try:
        return json.dumps(entry | extra, allow_nan=False) + "\n"
    except ValueError:  # NaN is no JSON
        return json.dumps(entry | {name: masked(repr(value)) for name, value in extra.items()}) + "\n"


def as_lines(record: "Record") -> str:
    """The entry for people. Its first line alone begins at the margin; all that follow are indented.

    What is not printable is shown as Python writes it (`\\x1b`), so that no terminal obeys it.
    """
    extra = record["extra"]
    origin = " ".join(str(extra[name]) for name in _ORIGIN if name in extra)
    head = f"{_time(record['time'])} {record['level'].name} {record['name']}{f' [{origin}]' if origin else ''}: "
    parts = [record["message"] + _rest(extra), *(str(extra[name]).rstrip("\n") for name in _BESIDE if name in extra)]
    text = head + "\n".join(parts)
    return _UNSAFE.sub(_escaped, text).replace("\n", f"\n{INDENT}") + "\n"


def _rest(extra: Mapping[str, Any]) -> str:
    """What was given beside the message and is not in it, as `name=value`."""
    return "".join(f" {name}={value!r}" for name, value in extra.items() if name not in _SHOWN_ELSEWHERE)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _time(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
