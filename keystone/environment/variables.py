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
IN_FILE = "_FILE"  # behind a name: where a file is that holds the value
LISTS = frozenset({"words", "origins", "header_names"})  # readers of lists, as `a,b` or JSON
# Beginnings of names that other programs read, which an `.env` may hold as well.
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
    """Nothing reads a variable of this name."""

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
        kind: the reader that its value is read by, such as `number`.
        value: as the environment has it; empty where the default is in force.
        default: as a file would have it; empty where there is none, or where it depends on others.
        source: `PROCESS`, the name of a file of settings, the path of a file that holds this value alone, or `DEFAULT`.
        is_told: whether the value may be shown, but for secrets in an address.
        check: reads a value as the settings would. It raises ImproperlyConfigured where the value is wrong.
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
        """The value in force, without secrets."""
        value = self.value or self.default
        if value and not self.is_told:
            return MASK
        if self.kind in LISTS and "@" not in value:  # else a password with a comma in it would be told by halves
            return ",".join(without_secrets(item.strip(' "')) for item in value.strip().strip("[]").split(","))
        return without_secrets(value)


@dataclass(frozen=True)
class Environment:
    """What the settings of this process were made from.

    Attributes:
        variables: by name.
        files: those that are read where they are there, the strongest first; none in the testing environment.
        own: the process environment as it was before any file was read.
        values_of: reads a file. It raises ImproperlyConfigured where that would be half read.
    """

    variables: dict[str, Variable]
    files: list[Path]
    own: dict[str, str]
    values_of: Callable[[Path], dict[str, str]]

    def variable(self, name: str) -> Variable:
        """One of them.

        Raises:
            UnknownVariable: there is none of this name.
        """
        found = self.variables.get(name)
        if found is None:
            raise UnknownVariable(name, self.closest(name))
        return found

    def closest(self, name: str) -> str:
        """The known name that looks most like this one; empty where none does."""
        return next(iter(get_close_matches(name.upper(), self.variables, n=1, cutoff=0.7)), "")

    def unknown(self) -> list["Unknown"]:
        """Names in the files that nothing reads."""
        return [
            Unknown(file.name, name, self.closest(name))
            for file in self.files
            if file.is_file()
            for name in self.values_of(file)
            if self.variables.keys().isdisjoint({name, name.removesuffix(IN_FILE)}) and not name.startswith(FOREIGN)
        ]

    def without_files(self) -> dict[str, str]:
        """The environment for a process that reads the files by itself. The environment's name is the same there."""
        return {**self.own, "ENVIRONMENT": os.environ.get("ENVIRONMENT", "")}


@dataclass(frozen=True)
class Unknown:
    """A name in a file that nothing reads, and the known one that it is probably misspelt for; empty for none."""

    file: str
    name: str
    closest: str

    def __str__(self) -> str:
        text = gettext("%(file)s: nothing reads %(name)s.") % {"file": self.file, "name": self.name}
        if self.closest:
            text += " " + gettext("Probably %(closest)s is meant.") % {"closest": self.closest}
        return text


def environment() -> Environment:
    """What the settings of this process were made from, as the settings themselves tell."""
    made: Environment = import_string(settings.ENVIRONMENT_VARIABLES)()
    return made


def chosen(names: Iterable[str]) -> list[Variable]:
    """The variables of these names, in this order; all where none is named.

    Raises:
        UnknownVariable: there is none of a name.
    """
    known = environment()
    return [known.variable(name) for name in names] or list(known.variables.values())
