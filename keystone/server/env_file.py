"""Write a variable to an `.env` file, atomically."""

import fcntl
import os
import re
import tempfile
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from keystone.exceptions import Refusal

MODE = 0o600  # it contains secrets


class Unwritable(Refusal):
    """The value can't be stored in a file, or the file can't be written."""

    code = "unwritable"
    message: ClassVar[str | Promise] = _("This value cannot be written to a file: it must be one line of text.")


def write_variable(path: Path, name: str, value: str, *, values_of: Callable[[Path], dict[str, str]]) -> bool:
    """Set a variable in a file, which is created if it is missing. All other lines are kept.

    The file is replaced atomically and readable only by its owner. Concurrent writers wait for each other.

    Args:
        values_of: a function that reads a file.

    Returns:
        Whether the file's values changed.

    Raises:
        Unwritable: the value has line breaks or characters that a file can't store; or the file can't be written.
        ImproperlyConfigured: the existing file has lines that can't be read.
    """
    path = path.resolve()  # replace a symlink's target
    if not can_stand(value):
        raise Unwritable
    try:
        # A device, a pipe or a circular symlink must not be replaced with a file.
        if path.is_symlink() or (path.exists() and not path.is_file()):
            raise Unwritable(gettext("%(path)s is not a file.") % {"path": path})
        with _alone(path.parent):
            before = values_of(path) if path.exists() else {}
            if before.get(name) == value:
                path.chmod(MODE)
                return False
            old = path.read_bytes().decode("utf-8-sig") if path.exists() else ""  # keeps its line endings
            _replace(path, _changed(old, name, value), expected={**before, name: value}, values_of=values_of)
    except OSError as error:
        text = gettext("%(path)s cannot be written: %(why)s.")
        raise Unwritable(text % {"path": path, "why": error.strerror}) from None
    return True


def can_stand(value: str) -> bool:
    """Return whether a file and the environment can store this text."""
    return (
        len(value.splitlines()) <= 1
        and value == "".join(value.splitlines())
        and "\0" not in value
        and all(unicodedata.category(sign) != "Cs" for sign in value)
    )


def written(value: str) -> str:
    """Return the value as written after the `=`, quoted only if necessary."""
    if value == value.strip() and not value.startswith(("'", '"')):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _changed(text: str, name: str, value: str) -> str:
    """Return the text with the variable's first line replaced and others removed; appended if there was none."""
    line = f"{name}={written(value)}"
    lines, is_there = [], False
    for old in text.splitlines(keepends=True):
        if not re.match(rf"(?:export )?{re.escape(name)}=", old):
            lines.append(old)
        elif not is_there:
            lines.append(line + old[len(old.rstrip("\r\n")) :])
            is_there = True
    if not is_there:
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += "\n"
        lines.append(line + "\n")
    return "".join(lines)


def _replace(path: Path, text: str, *, expected: dict[str, str], values_of: Callable[[Path], dict[str, str]]) -> None:
    handle, name = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)  # readable only by us
    new = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), MODE)
            if path.exists():  # root may change another user's file
                kept = path.stat()
                os.fchown(file.fileno(), kept.st_uid, kept.st_gid)
            os.fsync(file.fileno())
        if values_of(new) != expected:  # never write a file that would be read differently
            raise Unwritable
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
    _sync(path.parent)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock in the block. The kernel releases it if the process dies."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # not supported by some file systems
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
