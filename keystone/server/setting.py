"""Validate a variable and set it in a file."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext

from keystone.environment.variables import PROCESS, Environment, Variable, environment
from keystone.exceptions import Refusal
from keystone.server.env_file import Unwritable, can_stand, write_variable
from keystone.text.masked_urls import MASK

TRIAL_TIMEOUT = 120  # seconds


class WrongValue(Refusal):
    """The settings would not start with this value."""

    code = "wrong_value"
    status = 400


@dataclass(frozen=True)
class WrittenSetting:
    """The result of setting a variable.

    Attributes:
        file: the file.
        changed: whether it had another value before.
        stronger: where a value that takes precedence over the file is set: `PROCESS`, or the name of another file;
            empty for nowhere.
        is_read: whether the settings read the file at all.
    """

    file: Path
    changed: bool
    stronger: str
    is_read: bool


def set_variable(name: str, value: str, *, file: Path | None = None) -> WrittenSetting:
    """Write a variable to a file if the settings can be loaded with it.

    Args:
        value: the plain value; quotes and escapes are added as needed. Empty means the default.
        file: None for `.env.local`.

    Raises:
        UnknownVariable: there is no variable with this name.
        WrongValue: the value is invalid, or the settings can't be loaded with it. The message contains no secret.
        Unwritable: the value can't be stored in a file, or the file can't be written.
        ImproperlyConfigured: the existing file has lines that can't be read.
    """
    known = environment()
    variable = known.variable(name)
    path = (file or Path(settings.BASE_DIR) / ".env.local").resolve()
    if not can_stand(value):
        raise Unwritable
    _check(variable, value)
    stronger, is_read = _stronger(known, path, name), path in [other.resolve() for other in known.files]
    if is_read and not stronger:
        _try(known, variable, value)
    changed = write_variable(path, name, value, values_of=known.values_of)
    return WrittenSetting(file=path, changed=changed, stronger=stronger, is_read=is_read)


def _check(variable: Variable, value: str) -> None:
    try:
        variable.check(value)
    except ImproperlyConfigured as error:
        raise WrongValue(_without(str(error), variable, value)) from None


def _stronger(known: Environment, path: Path, name: str) -> str:
    if name in known.own:  # even an empty value, which means the default
        return PROCESS
    for other in known.files:
        if other.resolve() == path:
            break
        if other.is_file() and name in known.values_of(other):
            return other.name
    return ""


def _try(known: Environment, variable: Variable, value: str) -> None:
    """Start a process with the value: it may be valid by itself, but not in combination with others."""
    names = ("DJANGO_SETTINGS_MODULE", "ENVIRONMENT")
    kept = {name: text for name, text in known.own.items() if name not in names}
    if "ENVIRONMENT" in known.own:
        kept["ENVIRONMENT"] = known.own["ENVIRONMENT"]
    command = [sys.executable, str(Path(settings.BASE_DIR) / "manage.py"), "server", "config", "ENVIRONMENT"]
    try:
        begun = subprocess.run(  # noqa: S603 - our own command
            command,
            cwd=settings.BASE_DIR,
            env={**kept, variable.name: value},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TRIAL_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise WrongValue(gettext("Nothing was written: the settings did not load with this value in time.")) from None
    if begun.returncode:
        said = " ".join(begun.stderr.split())
        text = gettext("Nothing would start with this value: %(said)s") % {"said": said}
        raise WrongValue(_without(text, variable, value))


def _without(text: str, variable: Variable, value: str) -> str:
    """Return the text, with the value masked if it is secret."""
    if variable.is_told or not value:
        return text
    return text.replace(repr(value.strip()), MASK).replace(value.strip(), MASK)
