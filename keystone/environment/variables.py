"""The environment variables: value, default and source of each, and how it is shown."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from django.conf import settings
from django.utils.module_loading import import_string
from django.utils.translation import gettext

from keystone.exceptions import Refusal
from keystone.text.masked_urls import MASK, without_secrets

PROCESS = "process environment"
DEFAULT = "default"
IN_FILE = "_FILE"  # suffix of variables that name a file with the value
LISTS = frozenset({"words", "origins", "header_names"})  # readers of lists, as `a,b` or JSON
# Prefixes of variables that other programs read, which an `.env` may contain, too.
FOREIGN = (
    "COMPOSE_",
    "COVERAGE_",
    "DJANGO_",
    "DOCKER_",
    "GRANIAN_",
    "LC_",
    "OTEL_",
    "PG",
    "PROMETHEUS_",
    "PYTHON",
    "SSL_",
    "UV_",
)


class UnknownVariable(Refusal):
    """There is no variable with this name."""

    code = "unknown_variable"
    status = 404

    def __init__(self, name: str, closest: str) -> None:
        text = gettext("There is no setting %(name)s.") % {"name": name}
        if closest:
            text += " " + gettext("Did you mean %(closest)s?") % {"closest": closest}
        super().__init__(text)


@dataclass(frozen=True)
class Variable:
    """A variable of the environment.

    Attributes:
        name: its name.
        kind: the reader of its value, such as `number`.
        value: the value in the environment; empty if the default is used.
        default: the default as written in a file; empty if there is none, or if it depends on other variables.
        source: `PROCESS`, the name of an `.env` file, the path of a file with only this value, or `DEFAULT`.
        is_told: whether the value may be shown, except for secrets in URLs.
        check: a function that reads a value as the settings would. It raises ImproperlyConfigured if it is invalid.
    """

    name: str
    kind: str
    value: str
    default: str
    source: str
    is_told: bool
    check: Callable[[str], None]

    @property
    def shown(self) -> str:
        """The current value, without secrets."""
        value = self.value or self.default
        if value and not self.is_told:
            return MASK
        if self.kind in LISTS and "@" not in value:  # otherwise half of a password with a comma would be shown
            return ",".join(without_secrets(item.strip(' "')) for item in value.strip().strip("[]").split(","))
        return without_secrets(value)


@dataclass(frozen=True)
class Environment:
    """The environment that this process's settings were read from.

    Attributes:
        variables: the variables by name.
        files: the files that are read if they exist, highest precedence first; empty in the testing environment.
        own: the process environment before any file was read.
        values_of: a function that reads a file. It raises ImproperlyConfigured if a line can't be read.
    """

    variables: dict[str, Variable]
    files: list[Path]
    own: dict[str, str]
    values_of: Callable[[Path], dict[str, str]]

    def variable(self, name: str) -> Variable:
        """Return a variable.

        Raises:
            UnknownVariable: there is none with this name.
        """
        found = self.variables.get(name)
        if found is None:
            raise UnknownVariable(name, self.closest(name))
        return found

    def closest(self, name: str) -> str:
        """Return the most similar known name; empty if none is similar."""
        return next(iter(get_close_matches(name.upper(), self.variables, n=1, cutoff=0.7)), "")

    def unknown(self) -> list["Unknown"]:
        """Return the names in the files that nothing reads."""
        return [
            Unknown(file.name, name, self.closest(name))
            for file in self.files
            if file.is_file()
            for name in self.values_of(file)
            if self.variables.keys().isdisjoint({name, name.removesuffix(IN_FILE)}) and not name.startswith(FOREIGN)
        ]

    def without_files(self) -> dict[str, str]:
        """Return the environment for a process that reads the files itself, with the same ENVIRONMENT."""
        return {**self.own, "ENVIRONMENT": os.environ.get("ENVIRONMENT", "")}


@dataclass(frozen=True)
class Unknown:
    """A name in a file that nothing reads, and the similar known name that was probably meant; empty for none."""

    file: str
    name: str
    closest: str

    def __str__(self) -> str:
        text = gettext("%(file)s: unknown setting %(name)s.") % {"file": self.file, "name": self.name}
        if self.closest:
            text += " " + gettext("Did you mean %(closest)s?") % {"closest": self.closest}
        return text


def environment() -> Environment:
    """Return the environment that this process's settings were read from, using the setting ENVIRONMENT_VARIABLES."""
    made: Environment = import_string(settings.ENVIRONMENT_VARIABLES)()
    return made


def chosen(names: Iterable[str]) -> list[Variable]:
    """Return the variables with these names, in this order; all if no name is given.

    Raises:
        UnknownVariable: there is no variable with one of the names.
    """
    known = environment()
    return [known.variable(name) for name in names] or list(known.variables.values())
