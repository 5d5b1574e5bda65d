"""The two formats of entries: JSON for machines, lines for people. Logged values can't forge entries in either."""

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
# Control characters, line and paragraph separators, text direction marks, lone surrogates, BOM.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
_ORIGIN = ("request_id", "ip", "task_id")  # in brackets on the first line
_BESIDE = ("exception", "stack")  # below the line
# The messages about requests contain these already; Django adds a second status.
_IN_MESSAGE = ("method", "path", "status", "ms", "status_code", "server_time", "task")
_SHOWN_ELSEWHERE = frozenset((*_ORIGIN, *_BESIDE, *_IN_MESSAGE))


def as_json(record: "Record") -> str:
    """Return the entry as a JSON object on one line, in ASCII with other characters escaped (RFC 8259, section 7)."""
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
    except ValueError:  # NaN is not valid JSON
        return json.dumps(entry | {name: masked(repr(value)) for name, value in extra.items()}) + "\n"


def as_lines(record: "Record") -> str:
    """Return the entry for people. All lines except the first are indented.

    Unprintable characters are escaped as in Python (`\\x1b`), so that terminals don't interpret them.
    """
    extra = record["extra"]
    origin = " ".join(str(extra[name]) for name in _ORIGIN if name in extra)
    head = f"{_time(record['time'])} {record['level'].name} {record['name']}{f' [{origin}]' if origin else ''}: "
    parts = [record["message"] + _rest(extra), *(str(extra[name]).rstrip("\n") for name in _BESIDE if name in extra)]
    text = head + "\n".join(parts)
    return _UNSAFE.sub(_escaped, text).replace("\n", f"\n{INDENT}") + "\n"


def _rest(extra: Mapping[str, Any]) -> str:
    """Return the extra values that are not in the message, as `name=value`."""
    return "".join(f" {name}={value!r}" for name, value in extra.items() if name not in _SHOWN_ELSEWHERE)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _time(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
