"""Read the folder that `FolderBackend` writes."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import default
from pathlib import Path

HEADERS_SIZE = 32 * 1024  # bytes read of each file for a list
FILE_SIZE = 4 * 1024 * 1024  # bytes read of one mail

_NAME = re.compile(r"(\d{8}T\d{6}\.\d{6}Z)-[0-9a-f]{12}\.eml")


@dataclass(frozen=True)
class Entry:
    """A mail, as the list shows it."""

    name: str
    to: str
    subject: str
    written_at: datetime


@dataclass(frozen=True)
class Message:
    """A mail with its headers and its parts."""

    entry: Entry
    headers: list[tuple[str, str]]
    text: str
    html: str


def count(folder: Path) -> int:
    """Return the number of mails."""
    return len(_names(folder))


def entries(folder: Path, *, start: int = 0, limit: int = 25) -> list[Entry]:
    """Return at most `limit` mails from position `start`, newest first."""
    found = []
    for name in _names(folder)[start : start + limit]:
        content = _read(folder / name, HEADERS_SIZE)
        if content is not None:
            found.append(_entry(name, BytesHeaderParser(policy=default).parsebytes(content)))
    return found


def read(folder: Path, name: str) -> Message | None:
    """Return the mail in the file `name`. Return None if it doesn't exist or the backend doesn't use such names."""
    content = _read(folder / name, FILE_SIZE) if _NAME.fullmatch(name) else None
    if content is None:
        return None
    message = message_from_bytes(content, policy=default)
    return Message(
        entry=_entry(name, message),
        headers=[(key, str(value)) for key, value in message.items()],
        text=_part(message, "plain"),
        html=_part(message, "html"),
    )


def delete_all(folder: Path) -> int:
    """Delete every mail and return how many there were. Other files are kept."""
    names = _names(folder)
    for name in names:
        (folder / name).unlink(missing_ok=True)
    return len(names)


def _names(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    return sorted((path.name for path in folder.iterdir() if _NAME.fullmatch(path.name)), reverse=True)


def _read(path: Path, size: int) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(size)
    except OSError:  # deleted by another request meanwhile
        return None


def _entry(name: str, message: EmailMessage) -> Entry:
    stamp = name.partition("-")[0]
    return Entry(
        name=name,
        to=str(message.get("To", "")),
        subject=str(message.get("Subject", "")),
        written_at=datetime.strptime(stamp, "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC),
    )


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body(preferencelist=(kind,))
    return str(part.get_content()) if part is not None else ""
