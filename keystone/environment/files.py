"""Read `.env` files, and files that hold a single secret."""

import os
import re
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

LINE = re.compile(r"(?:export )?[A-Za-z_][A-Za-z_0-9]*=")
ENCODING = "utf-8-sig"  # UTF-8, with or without a byte order mark
IN_FILE = "_FILE"  # behind the name of a variable: where a file is that holds its value


def file_values(path: Path) -> dict[str, str]:
    """Return what a file says, by name; of a name that is given twice, the last value counts.

    A byte order mark, which Windows editors begin files with, is no part of the first name.

    Raises:
        ImproperlyConfigured: it would be half read.
    """
    _check_file(path)
    values: dict[str, str] = {}
    reader: Any = type("Reader", (environ.Env,), {"ENVIRON": values})  # else it would set the process's environment
    reader.read_env(path, encoding=ENCODING)
    return values


def _check_file(path: Path) -> None:
    """Refuse a file that would be half read. The text of a line is not repeated: it may hold a password."""
    try:
        lines = path.read_text(encoding=ENCODING).splitlines()
    except UnicodeDecodeError:
        raise ImproperlyConfigured(f"{path} is not text in UTF-8.") from None
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.lstrip().startswith("#") and not LINE.match(line):
            raise ImproperlyConfigured(f"{path}, line {number}: write NAME=value, without spaces around the =.")


def is_given(name: str) -> bool:
    """Whether the environment has the value already, or names the file that holds it."""
    return bool({name, name + IN_FILE, name.removesuffix(IN_FILE)} & os.environ.keys())


def held_by(path: str, name: str) -> str:
    """The value that a file holds alone, without the end of its last line and the mark that Windows begins files with.

    It is read whenever it is asked for: the process's environment, which every child inherits, never has it.

    Args:
        name: of the variable that names the file.

    Raises:
        ImproperlyConfigured: the file cannot be read, or nothing stands in it.
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
