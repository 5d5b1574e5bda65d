"""The registry of personal data: each app's `personal_data.py` registers what to export and what to erase.

A collector exports a part of the data to the person; an eraser removes from it what identifies the person. The system
check W020 reports models that refer to people and are named by neither, so that no table is forgotten.
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
    """The arguments of an erasure, for erasers.

    Attributes:
        by: the actor who erases.
        at: the time in UTC.
        pseudonym: the text that replaces the person's email addresses and names.
        addresses: the person's current, former and requested email addresses in lower case, except those that now
            belong to others: to be replaced everywhere.
        known_addresses: those and the ones that now belong to others: to be replaced in this person's rows only.
    """

    by: Actor
    at: datetime
    pseudonym: str
    addresses: frozenset[str]
    known_addresses: frozenset[str]


Erase = Callable[[Any, Erasure], None]


@dataclass(frozen=True)
class Part:
    """A part of the data held about a person.

    Attributes:
        name: the name of its file in an export.
        label: its name for people.
        models: the models that it covers, as `app.Model`.
        collect: a function that returns it as JSON data: one mapping, or an iterable of rows.
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
    """Register a function that exports a part of the data held about a person.

    Args:
        name: a unique name of letters, digits and _.
        label: the part's name for people.
        models: the models that it covers, as `app.Model`.

    Raises:
        ValueError: the name is invalid, or another function uses it.
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
    """Register a function that removes what identifies a person. It runs in the transaction of the erasure.

    Args:
        name: a unique name.
        models: the models that it covers, as `app.Model`.

    Raises:
        ValueError: another function uses the name.
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
    """Declare that models refer to people, but hold nothing about them except that they did something."""
    NOT_PERSONAL.update(model.lower() for model in models)


def _is_same(one: Callable[..., Any], other: Callable[..., Any]) -> bool:
    """Return whether both are the same function, even if its module was imported twice."""
    return (one.__module__, one.__qualname__) == (other.__module__, other.__qualname__)
