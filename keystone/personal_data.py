"""The registry of personal data: each app's `personal_data.py` registers what to export and what to erase.

A collector gives a part to the person, an eraser takes from it what tells whose it was. A model that refers to people
and is named by neither is told of by the system check W020, so that no table is forgotten.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.functional import Promise

from keystone.actors.actor import Actor

Collect = Callable[[Any], Mapping[str, Any] | Iterable[Mapping[str, Any]]]


@dataclass(frozen=True)
class Erasure:
    """What erasers are told.

    Attributes:
        by: who erases.
        at: when, in UTC.
        pseudonym: what stands from now on where the person's address or name stood.
        addresses: the person's address and those that they had or asked for, in small letters, as far as they are
            nobody else's by now: to be looked for anywhere.
        known_addresses: those, and the ones that are others' by now: to be looked for in rows of this person only.
    """

    by: Actor
    at: datetime
    pseudonym: str
    addresses: frozenset[str]
    known_addresses: frozenset[str]


Erase = Callable[[Any, Erasure], None]


@dataclass(frozen=True)
class Part:
    """One part of what is held about a person.

    Attributes:
        name: of its file in an export.
        label: what people call it.
        models: those that it covers, as `app.Model`.
        collect: gives it as JSON: one thing, or the rows of a list, which may be an iterator.
    """

    name: str
    label: str | Promise
    models: frozenset[str]
    collect: Collect


PARTS: dict[str, Part] = {}
ERASERS: dict[str, Erase] = {}
ERASED_MODELS: set[str] = set()
NOT_PERSONAL: set[str] = set()


def collector(name: str, *, label: str | Promise, models: Iterable[str] = ()) -> Callable[[Collect], Collect]:
    """Register a function that gives a part of what is held about a person.

    Args:
        name: letters, digits and _; one part has it.
        label: what people call the part.
        models: those that it covers, as `app.Model`.

    Raises:
        ValueError: another function has the name, or it is none.
    """
    if not name.isidentifier():
        raise ValueError(f"{name!r} is not a name for a part of an export: letters, digits and _.")

    def register(collect: Collect) -> Collect:
        known = PARTS.get(name)
        if known is not None and not _is_same(known.collect, collect):
            raise ValueError(f"Two collectors are called {name!r}.")
        PARTS[name] = Part(name, label, frozenset(model.lower() for model in models), collect)
        return collect

    return register


def eraser(name: str, *, models: Iterable[str] = ()) -> Callable[[Erase], Erase]:
    """Register a function that takes from a part what tells whose it was. It runs in the transaction of the erasure.

    Args:
        name: one eraser has it.
        models: those that it covers, as `app.Model`.

    Raises:
        ValueError: another function has the name.
    """

    def register(erase: Erase) -> Erase:
        known = ERASERS.get(name)
        if known is not None and not _is_same(known, erase):
            raise ValueError(f"Two erasers are called {name!r}.")
        ERASERS[name] = erase
        ERASED_MODELS.update(model.lower() for model in models)
        return erase

    return register


def not_personal(*models: str) -> None:
    """Say of models that refer to people that they hold nothing about them, beside that they did something."""
    NOT_PERSONAL.update(model.lower() for model in models)


def _is_same(one: Callable[..., Any], other: Callable[..., Any]) -> bool:
    """Whether they are one function, perhaps of a module that is imported again."""
    return (one.__module__, one.__qualname__) == (other.__module__, other.__qualname__)
