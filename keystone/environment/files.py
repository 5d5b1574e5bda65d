"""Read `.env` files, and files that contain a single secret."""

import os
import re
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

LINE = re.compile(r"(?:export )?[A-Za-z_][A-Za-z_0-9]*=")
ENCODING = "utf-8-sig"  # UTF-8, with or without a byte order mark
IN_FILE = "_FILE"  # suffix of variables that name a file with the value


def file_values(path: Path) -> dict[str, str]:
    """Return the values in a file by name. If a name occurs twice, the last value wins.

    A byte order mark, which Windows editors write, is ignored.

    Raises:
        ImproperlyConfigured: the file is not UTF-8, or has a line that can't be read.
    """
    _check_file(path)
    values: dict[str, str] = {}
    reader: Any = type("Reader", (environ.Env,), {"ENVIRON": values})  # otherwise it would change os.environ
    reader.read_env(path, encoding=ENCODING)
    return values


def _check_file(path: Path) -> None:
    """Refuse a file with unreadable lines. The error doesn't contain the line, which may contain a password."""
    try:
        lines = path.read_text(encoding=ENCODING).splitlines()
    except UnicodeDecodeError:
        raise ImproperlyConfigured(f"{path} is not text in UTF-8.") from None
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.lstrip().startswith("#") and not LINE.match(line):
            raise ImproperlyConfigured(f"{path}, line {number}: write NAME=value, without spaces around the =.")


def is_given(name: str) -> bool:
    """Return whether the environment has the value already, or names the file with it."""
    return bool({name, name + IN_FILE, name.removesuffix(IN_FILE)} & os.environ.keys())


def held_by(path: str, name: str) -> str:
    """Return the content of a file without the trailing newline and a byte order mark.

    The file is read on every call: the value never enters the process's environment, which child processes inherit.

    Args:
        name: the name of the variable that names the file.

    Raises:
        ImproperlyConfigured: the file can't be read, or is empty.
    """
    try:
        value = Path(path).read_text(encoding=ENCODING).removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise ImproperlyConfigured(f"{name}: {path} cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise ImproperlyConfigured(f"{name}: {path} is not text in UTF-8.") from None
    if not value:
        raise ImproperlyConfigured(f"{name}: {path} is empty.")
    return value
