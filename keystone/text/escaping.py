"""Escape text that a stream or the database can't store. Bytes of file names that are not UTF-8 become \\xNN."""

import codecs
import io
import os
import re
import sys
from pathlib import Path

_HANDLER = "keystone.escaped"
_LONE = re.compile(r"[\ud800-\udfff]")  # Python decodes such bytes to these, lone surrogates
_ESCAPED = re.compile(rb"\\x([89a-f][0-9a-f])")


def escaped(text: str) -> str:
    """Return the text with bytes that are not UTF-8 written as \\xNN."""
    return _LONE.sub(lambda found: _escape(found[0]), text)


def path_of(text: str) -> Path:
    """Return the path from a text that `escaped()` returned."""
    path = Path(text)
    if "\\x" not in text or path.exists():
        return path
    return Path(os.fsdecode(_ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), os.fsencode(text))))


def escape_streams() -> None:
    """Make stdout and stderr escape characters that their encoding lacks, instead of raising an exception."""
    codecs.register_error(_HANDLER, _replacement)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # neither closed nor replaced
            stream.reconfigure(errors=_HANDLER)


def _replacement(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_escape, error.object[error.start : error.end])), error.end


def _escape(sign: str) -> str:
    number = ord(sign)
    if 0xDC80 <= number <= 0xDCFF:
        return f"\\x{number - 0xDC00:02x}"
    return sign.encode("ascii", "backslashreplace").decode()
