"""Set a variable in a file."""

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
class Written:
    """What was done.

    Attributes:
        file: the file.
        changed: whether it had another value before.
        stronger: what has a value of its own that wins over the file: `PROCESS`, or the name of another file; empty
            for nothing.
        is_read: whether this product reads the file at all.
    """

    file: Path
    changed: bool
    stronger: str
    is_read: bool


def set_variable(name: str, value: str, *, file: Path | None = None) -> Written:
    """Write a variable into a file, if the settings can be read with it.

    Args:
        value: as it is meant; quotes and escapes that a file needs are added. Empty means the default.
        file: None for `.env.local`.

    Raises:
        UnknownVariable: nothing reads a variable of this name.
        WrongValue: the reader refuses the value, or nothing would start with it. A secret is not repeated.
        Unwritable: the value cannot stand in a file, or the file cannot be written.
        ImproperlyConfigured: the file as it is would be half read.
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
    return Written(file=path, changed=changed, stronger=stronger, is_read=is_read)


def _check(variable: Variable, value: str) -> None:
    try:
        variable.check(value)
    except ImproperlyConfigured as error:
        raise WrongValue(_without(str(error), variable, value)) from None


def _stronger(known: Environment, path: Path, name: str) -> str:
    if name in known.own:  # an empty value is one, too: it means the default
        return PROCESS
    for other in known.files:
        if other.resolve() == path:
            break
        if other.is_file() and name in known.values_of(other):
            return other.name
    return ""


def _try(known: Environment, variable: Variable, value: str) -> None:
    """Let a process begin with the value: one alone may be right, and wrong beside the others."""
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
        raise WrongValue(gettext("Nothing is written: the settings did not start with it in time.")) from None
    if begun.returncode:
        said = " ".join(begun.stderr.split())
        text = gettext("Nothing would start with it: %(said)s") % {"said": said}
        raise WrongValue(_without(text, variable, value))


def _without(text: str, variable: Variable, value: str) -> str:
    """The text, without the value where that is a secret."""
    if variable.is_told or not value:
        return text
    return text.replace(repr(value.strip()), MASK).replace(value.strip(), MASK)
