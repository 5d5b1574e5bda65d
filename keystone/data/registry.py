"""The registry of importers, seeders, scripts and pipelines.

They are declared in an app's `importers.py`, `seeders.py`, `scripts.py` and `pipelines.py`, which are imported on first
use. Web processes do not import them.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.utils.functional import Promise
from django.utils.translation import gettext
from import_export.resources import ModelResource

from keystone.data.declarations import Check, Existing, Importer, Pipeline, Script, Seeder, Step, Transform, in_order
from keystone.data.models import Kind
from keystone.data.wrong_declarations import refuse_bare, refuse_wrong_importer, refuse_wrong_step
from keystone.discovery import discover as discover_modules
from keystone.exceptions import Refusal

MODULES = ("importers", "seeders", "scripts", "pipelines")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")

type Declared = Importer | Seeder | Script | Pipeline

_importers: dict[str, Importer] = {}
_seeders: dict[str, Seeder] = {}
_scripts: dict[str, Script] = {}
_pipelines: dict[str, Pipeline] = {}
_BY_KIND: Mapping[Kind, dict[str, Any]] = MappingProxyType(
    {Kind.IMPORTER: _importers, Kind.SEEDER: _seeders, Kind.SCRIPT: _scripts, Kind.PIPELINE: _pipelines}
)


class Unknown(Refusal):
    """Nothing of this kind has the name."""

    code = "unknown_name"
    status = 404


def importer[R: type[ModelResource[Any]]](
    name: str,
    *,
    existing: Existing = Existing.UPDATE,
    required: Iterable[str] = (),
    columns: Mapping[str, str] | None = None,
    transforms: Mapping[str, Transform] | None = None,
    checks: Iterable[Check] = (),
    truncatable: bool = True,
    has_own_key: bool = False,
    description: str | Promise = "",
) -> Callable[[R], R]:
    """Register a django-import-export resource as an importer. Its `import_id_fields` identify rows.

    Args:
        name: its name on the command line: lower-case letters, digits, - and _.
        existing: what to do with rows that are already in the table, unless the command overrides it.
        required: columns that a file must have besides those of `import_id_fields`.
        columns: our column names by names that files use. Case and surrounding spaces are ignored.
        transforms: functions by column that convert a cell before the resource reads it. A ValueError or
            ValidationError refuses the row.
        checks: functions that get the cells of a row by column, and raise a ValidationError to refuse it.
        truncatable: whether `--truncate` may empty the table first.
        has_own_key: whether the resource finds rows by its own key, which the command cannot change.
        description: its purpose; defaults to the first line of the class's docstring.

    Raises:
        ImproperlyConfigured: the name is invalid or taken, the class is not a ModelResource, or `import_id_fields`,
            `required`, `columns` or `transforms` name fields or columns that it does not have.
    """
    refuse_bare(name, "@importer")

    def register(resource: R) -> R:
        where = f"@importer on {_path(resource)}"
        if not issubclass(resource, ModelResource):
            raise ImproperlyConfigured(f"{where}: it is not a ModelResource of django-import-export.")
        known: Any = resource
        keys = list(known._meta.import_id_fields)
        absent = [name for name in keys if name not in known.fields]
        if absent and keys != ["id"]:  # which is the default of import-export
            raise ImproperlyConfigured(f"{where}: import_id_fields names {absent[0]!r}, which is none of its fields.")
        declared = Importer(
            name=name,
            resource=resource,
            description=description or _first_line(resource),
            existing=existing,
            required=tuple(required),
            columns=MappingProxyType(dict(columns or {})),
            transforms=MappingProxyType(dict(transforms or {})),
            checks=tuple(checks),
            truncatable=truncatable,
            has_own_key=has_own_key,
        )
        refuse_wrong_importer(declared, where)
        _add(Kind.IMPORTER, declared, where, resource)
        return resource

    return register


def seeder[F: Callable[..., int]](
    name: str, *, after: Iterable[str] = (), on_servers: bool = False, description: str | Promise = ""
) -> Callable[[F], F]:
    """Register a function that creates rows. It is called as `function(count=…)` and returns how many it created.

    It runs in one transaction.

    Args:
        name: its name on the command line.
        after: seeders that run before it in `run-all`.
        on_servers: whether it may run in staging and production, too, where sample data does not belong.
        description: what it creates; defaults to the first line of the docstring.

    Raises:
        ImproperlyConfigured: the name is invalid or taken.
    """
    refuse_bare(name, "@seeder")

    def register(function: F) -> F:
        text = description or _first_line(function)
        declared = Seeder(name=name, function=function, description=text, after=tuple(after), on_servers=on_servers)
        _add(Kind.SEEDER, declared, f"@seeder on {_path(function)}", function)
        return function

    return register


def script[F: Callable[..., Any]](
    name: str, *, atomic: bool = True, description: str | Promise = ""
) -> Callable[[F], F]:
    """Register a function that is run by hand or in a pipeline, as `function(source=…, output=…)`.

    Both arguments are paths or None, as given by `--src` and `--output`. The function returns None, the number of rows
    that it wrote, or a mapping with some of `read`, `written`, `unchanged` and `refused`.

    Args:
        name: its name on the command line.
        atomic: whether it runs in one transaction.
        description: what it does; defaults to the first line of the docstring.

    Raises:
        ImproperlyConfigured: the name is invalid or taken.
    """
    refuse_bare(name, "@script")

    def register(function: F) -> F:
        declared = Script(name=name, function=function, description=description or _first_line(function), atomic=atomic)
        _add(Kind.SCRIPT, declared, f"@script on {_path(function)}", function)
        return function

    return register


def pipeline(name: str, *, steps: Iterable[Step], description: str | Promise = "") -> Pipeline:
    """Register a pipeline of importers, seeders and scripts that run one after the other.

    Args:
        name: its name on the command line.
        steps: in order, unless `after` of a step changes it.
        description: its purpose.

    Raises:
        ImproperlyConfigured: the name is invalid or taken, or the steps are invalid or contradict each other.
    """
    where = f"pipeline {name!r}"
    declared = Pipeline(name=name, description=description, steps=in_order(tuple(steps), where))
    if not declared.steps:
        raise ImproperlyConfigured(f"{where}: it has no steps.")
    for step in declared.steps:
        refuse_wrong_step(step, where)
    _add(Kind.PIPELINE, declared, where, None)
    return declared


@cache
def discover() -> None:
    """Import the declarations of all apps once, and check their references.

    Raises:
        ImproperlyConfigured: a step or a seeder refers to an unknown name.
    """
    discover_modules(*MODULES)
    in_order(tuple(_seeders.values()), "seeders")
    for declared in _pipelines.values():
        for step in declared.steps:
            if step.runs not in _BY_KIND[step.kind]:
                raise ImproperlyConfigured(
                    f"pipeline {declared.name!r}: step {step.name!r} runs the {step.kind.value} {step.runs!r}, "
                    "which nobody has declared."
                )


def importers() -> Mapping[str, Importer]:
    """Return the importers of all apps by name."""
    discover()
    return MappingProxyType(_importers)


def seeders() -> Mapping[str, Seeder]:
    """Return the seeders of all apps by name, each after those in its `after`."""
    discover()
    return {seeder.name: seeder for seeder in in_order(tuple(_seeders.values()), "seeders")}


def scripts() -> Mapping[str, Script]:
    """Return the scripts of all apps by name."""
    discover()
    return MappingProxyType(_scripts)


def pipelines() -> Mapping[str, Pipeline]:
    """Return the pipelines of all apps by name."""
    discover()
    return MappingProxyType(_pipelines)


def named[D](declared: Mapping[str, D], kind: Kind, name: str) -> D:
    """Return the declaration with this name.

    Raises:
        Unknown: there is none; the message lists the known names.
    """
    try:
        return declared[name]
    except KeyError:
        values = {"kind": kind.label, "name": name, "names": ", ".join(sorted(declared)) or "-"}
        raise Unknown(gettext("There is no %(kind)s called %(name)s. Known: %(names)s.") % values) from None


def _add(kind: Kind, declared: Any, where: str, thing: Any) -> None:
    if _NAME.fullmatch(declared.name) is None:
        raise ImproperlyConfigured(f"{where}: {declared.name!r} is no name. Use small letters, digits, '-' and '_'.")
    known = _BY_KIND[kind].get(declared.name)
    if known is not None and (thing is None or known.source != _path(thing)):
        raise ImproperlyConfigured(f"{where}: there is a {kind.value} called {declared.name!r} already.")
    _BY_KIND[kind][declared.name] = declared


def _first_line(thing: Any) -> str:
    return (thing.__doc__ or "").strip().partition("\n")[0]


def _path(thing: Any) -> str:
    return f"{thing.__module__}.{thing.__qualname__}"
