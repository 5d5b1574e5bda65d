"""Declarations of importers, seeders, scripts, pipelines and their steps."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter
from typing import Any, Protocol, Self

from django.core.exceptions import ImproperlyConfigured
from django.utils.functional import Promise
from import_export.resources import ModelResource

from keystone.data.models import Kind

type Resource = type[ModelResource[Any]]
type Transform = Callable[[Any], Any]
type Check = Callable[[Mapping[str, Any]], None]


class Existing(StrEnum):
    """What to do with a row of the file that is already in the table."""

    UPDATE = "update"
    SKIP = "skip"
    REFUSE = "refuse"


@dataclass(frozen=True, kw_only=True)
class Importer:
    """An importer; see `registry.importer`."""

    name: str
    resource: Resource
    description: str | Promise
    existing: Existing
    required: tuple[str, ...]
    columns: Mapping[str, str]
    transforms: Mapping[str, Transform]
    checks: tuple[Check, ...]
    truncatable: bool
    has_own_key: bool

    @property
    def source(self) -> str:
        """The dotted path of the declaration."""
        return f"{self.resource.__module__}.{self.resource.__qualname__}"


@dataclass(frozen=True, kw_only=True)
class Seeder:
    """A seeder; see `registry.seeder`."""

    name: str
    function: Callable[..., int]
    description: str | Promise
    after: tuple[str, ...]
    on_servers: bool

    @property
    def source(self) -> str:
        """The dotted path of the declaration."""
        return f"{self.function.__module__}.{self.function.__qualname__}"


@dataclass(frozen=True, kw_only=True)
class Script:
    """A script; see `registry.script`."""

    name: str
    function: Callable[..., Any]
    description: str | Promise
    atomic: bool

    @property
    def source(self) -> str:
        """The dotted path of the declaration."""
        return f"{self.function.__module__}.{self.function.__qualname__}"


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step of a pipeline. Create it with `importer`, `seeder` or `script`.

    Attributes:
        kind: the kind of what it runs.
        runs: the name of what it runs.
        name: the name of the step; defaults to `runs`, and is needed if a pipeline runs the same thing twice.
        after: steps that have to run before it.
        options: options for what it runs.
    """

    kind: Kind
    runs: str
    name: str
    after: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def importer(cls, runs: str, *, name: str = "", after: tuple[str, ...] = (), **options: Any) -> Self:
        """Return a step that imports a file.

        Args:
            runs: the importer.
            options: fields of `importing.ImportOptions`, such as `file`, a path relative to the project's folder. A
                step without a file needs `--file STEP=PATH`.
        """
        return cls(kind=Kind.IMPORTER, runs=runs, name=name or runs, after=after, options=options)

    @classmethod
    def seeder(cls, runs: str, *, name: str = "", after: tuple[str, ...] = (), count: int = 10) -> Self:
        """Return a step that creates `count` rows."""
        return cls(kind=Kind.SEEDER, runs=runs, name=name or runs, after=after, options={"count": count})

    @classmethod
    def script(cls, runs: str, *, name: str = "", after: tuple[str, ...] = (), **options: Any) -> Self:
        """Return a step that runs a script, with `source` and `output` as paths relative to the project's folder."""
        return cls(kind=Kind.SCRIPT, runs=runs, name=name or runs, after=after, options=options)


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """A pipeline; see `registry.pipeline`. Its steps are in the order in which they run."""

    name: str
    description: str | Promise
    steps: tuple[Step, ...]


class Ordered(Protocol):
    """Something that may have to come after others."""

    @property
    def name(self) -> str:
        """The name of this one."""

    @property
    def after(self) -> tuple[str, ...]:
        """The names of those that come before it."""


def in_order[O: Ordered](things: tuple[O, ...], where: str) -> tuple[O, ...]:
    """Return the things in declaration order, except that each comes after those in its `after`.

    Raises:
        ImproperlyConfigured: a name is used twice, `after` contains an unknown name, or there is a cycle.
    """
    places = {thing.name: place for place, thing in enumerate(things)}
    if len(places) != len(things):
        names = [thing.name for thing in things]
        twice = next(name for name in names if names.count(name) > 1)
        raise ImproperlyConfigured(f"{where}: two are called {twice!r}. Give one a name=.")
    for thing in things:
        for name in thing.after:
            if name not in places:
                raise ImproperlyConfigured(f"{where}: {thing.name!r} is after {name!r}, which is not there.")
    sorter = TopologicalSorter({thing.name: thing.after for thing in things})
    try:
        sorter.prepare()
    except CycleError as error:
        raise ImproperlyConfigured(f"{where}: these wait for each other: {', '.join(error.args[1])}.") from None
    ordered: list[O] = []
    waiting: list[str] = []
    while sorter.is_active():
        waiting = sorted([*waiting, *sorter.get_ready()], key=places.__getitem__)
        first = waiting.pop(0)
        ordered.append(things[places[first]])
        sorter.done(first)
    return tuple(ordered)
