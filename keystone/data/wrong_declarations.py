"""Errors in declarations, reported before anything runs."""

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from keystone.data.declarations import Existing, Importer, Step
from keystone.data.models import Kind
from keystone.data.outcomes import ImportOptions

_OF_STEPS = {
    Kind.IMPORTER: {field.name for field in fields(ImportOptions)},
    Kind.SEEDER: {"count"},
    Kind.SCRIPT: {"source", "output"},
}


def refuse_bare(name: object, decorator: str) -> None:
    """Refuse a decorator without parentheses, which would register nothing.

    Raises:
        ImproperlyConfigured: the parentheses are missing.
    """
    if not isinstance(name, str):
        raise ImproperlyConfigured(f'{decorator} on {name!r}: it needs a name. Write {decorator}("name").')


def refuse_wrong_importer(importer: Importer, where: str) -> None:
    """Refuse an importer with unknown columns or an invalid `existing`.

    Raises:
        ImproperlyConfigured: the declaration is wrong.
    """
    _refuse_wrong_existing(importer.existing, where)
    resource: Any = importer.resource
    known = [str(field.column_name) for field in resource.fields.values()]
    for option, named in (
        ("required", importer.required),
        ("columns", importer.columns.values()),
        ("transforms", importer.transforms),
    ):
        _refuse_unknown(named, known, f"{where}: {option} names", "which is none of its columns")


def refuse_wrong_step(step: Step, where: str) -> None:
    """Refuse a step with unknown options or invalid values.

    Raises:
        ImproperlyConfigured: the declaration is wrong.
    """
    where = f"{where}: step {step.name!r}"
    known = sorted(_OF_STEPS[step.kind])
    _refuse_unknown(step.options, known, f"{where} is told", f"which no {step.kind.value} takes")
    if step.options.get("existing") is not None:
        _refuse_wrong_existing(step.options["existing"], where)
    count = step.options.get("count", 1)
    if not isinstance(count, int) or count < 1:
        raise ImproperlyConfigured(f"{where}: count is {count!r}. It has to be a whole number from 1 on.")


def _refuse_wrong_existing(existing: object, where: str) -> None:
    if not isinstance(existing, Existing):  # a plain string would fail identity checks and count as UPDATE
        names = ", ".join(f"Existing.{one.name}" for one in Existing)
        raise ImproperlyConfigured(f"{where}: existing is {existing!r}. It is one of {names}.")


def _refuse_unknown(named: Iterable[str], known: Iterable[str], said: str, which: str) -> None:
    known = tuple(known)
    for name in named:
        if name not in known:
            raise ImproperlyConfigured(f"{said} {name!r}, {which}. There are: {', '.join(known)}.")
