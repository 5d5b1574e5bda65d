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

MODE = 0o600  # it holds secrets


class Unwritable(Refusal):
    """The value cannot stand in a file, or the file cannot be written."""

    code = "unwritable"
    message: ClassVar[str | Promise] = _("This value cannot stand in a file: it must be one line of text.")


def write_variable(path: Path, name: str, value: str, *, values_of: Callable[[Path], dict[str, str]]) -> bool:
    """Set a variable in a file, which is made where it is missing. All other lines stay as they are.

    The file is replaced as a whole, and is readable for its owner alone. Of several writers at once, each waits for
    the one before.

    Args:
        values_of: reads a file.

    Returns:
        Whether anything was changed.

    Raises:
        Unwritable: the value has line breaks or characters that no file keeps; or the file cannot be written.
        ImproperlyConfigured: the file as it is would be half read.
    """
    path = path.resolve()  # of a link, what it leads to is replaced
    if not can_stand(value):
        raise Unwritable
    try:
        # A device or a pipe would be replaced by a file; a link that leads nowhere, as in a circle, too.
        if path.is_symlink() or (path.exists() and not path.is_file()):
            raise Unwritable(gettext("%(path)s is no file.") % {"path": path})
        with _alone(path.parent):
            before = values_of(path) if path.exists() else {}
            if before.get(name) == value:
                path.chmod(MODE)
                return False
            old = path.read_bytes().decode("utf-8-sig") if path.exists() else ""  # with its line ends
            _replace(path, _changed(old, name, value), expected={**before, name: value}, values_of=values_of)
    except OSError as error:
        text = gettext("%(path)s cannot be written: %(why)s.")
        raise Unwritable(text % {"path": path, "why": error.strerror}) from None
    return True


def can_stand(value: str) -> bool:
    """Whether a file, and the environment after it, keep this text."""
    return (
        len(value.splitlines()) <= 1
        and value == "".join(value.splitlines())
        and "\0" not in value
        and all(unicodedata.category(sign) != "Cs" for sign in value)
    )


def written(value: str) -> str:
    """The value as it stands behind the `=`: in quotes only where it must be."""
    if value == value.strip() and not value.startswith(("'", '"')):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _changed(text: str, name: str, value: str) -> str:
    """The text with the variable in its first place, and in no other; at the end where it has none."""
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
    handle, name = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)  # readable for us alone
    new = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), MODE)
            if path.exists():  # root may change it for another user
                kept = path.stat()
                os.fchown(file.fileno(), kept.st_uid, kept.st_gid)
            os.fsync(file.fileno())
        if values_of(new) != expected:  # never write what would be read otherwise
            raise Unwritable
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
    _sync(path.parent)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; it ends with the process."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # some file systems cannot
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
