"""The `@scheduled` decorator for functions in `jobs.py`."""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured

from keystone.scheduling.triggers import Cron, Every, Trigger

_ID = re.compile(r"[\w.-]{1,200}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """A job as declared in the code.

    Attributes:
        id: the name under which its runs are stored; it stays the same if the function moves.
        function: the function that a worker runs; synchronous or asynchronous.
        trigger: determines its slots.
        description: the first line of the function's docstring.
        misfire_grace: how late a slot may still run; None for no limit.
        overlap: whether a run may start while the previous one is in progress.
        max_attempts: maximum number of attempts at one slot.
    """

    id: str
    function: Callable[[], Any]
    trigger: Trigger
    description: str
    misfire_grace: timedelta | None
    overlap: bool
    max_attempts: int


_declared: dict[str, Declaration] = {}


def scheduled[F: Callable[[], Any]](
    *,
    cron: str | None = None,
    every: timedelta | None = None,
    id: str = "",  # noqa: A002 - the common name
    timezone: str = "UTC",
    misfire_grace: timedelta | None = None,
    overlap: bool = False,
    max_attempts: int = 1,
) -> Callable[[F], F]:
    """Declare a function as a job that runs in a worker whenever it is due. The function itself is unchanged.

    The function takes no arguments; `current_slot()` returns the time at which it was due. Its return value is stored
    as the result. It may run twice for one slot if a worker is killed halfway, so make it idempotent.

    Args:
        cron: "minute hour day-of-month month day-of-week", with cron's own meaning.
        every: an interval instead, at least one second, counted from 1970-01-01 00:00 UTC.
        id: a stable name; defaults to `app_label.function_name`.
        timezone: the time zone of `cron`, such as "Europe/Berlin".
        misfire_grace: a slot that would start later than this (whole seconds) is recorded as missed instead.
        overlap: whether a run may start while the previous one is in progress; otherwise the slot is skipped.
        max_attempts: maximum number of attempts at one slot; at least 1.

    Raises:
        ImproperlyConfigured: an argument is invalid, or two functions have the same id.
    """

    def declare(function: F) -> F:
        name = id or _stable_id(function)
        where = f"@scheduled on {function.__module__}.{function.__qualname__}"
        if _ID.fullmatch(name) is None:
            raise ImproperlyConfigured(
                f"{where}: {name!r} is no id. Use letters, digits, '_', '-' and '.', at most 200."
            )
        if inspect.signature(function).parameters:
            raise ImproperlyConfigured(f"{where}: a job takes no arguments.")
        if misfire_grace is not None and (misfire_grace < timedelta(seconds=1) or misfire_grace.microseconds):
            raise ImproperlyConfigured(f"{where}: misfire_grace={misfire_grace} must be whole seconds, from 1 on.")
        if max_attempts < 1:
            raise ImproperlyConfigured(f"{where}: max_attempts={max_attempts} must be at least 1.")
        try:
            trigger = _trigger(cron, every, timezone)
        except ValueError as error:
            raise ImproperlyConfigured(f"{where}: {error}") from None
        other = _declared.get(name)
        if other is not None and _path(other.function) != _path(function):
            raise ImproperlyConfigured(
                f"{where}: {_path(other.function)} has the id {name!r} already. Give one an id=."
            )
        description = (inspect.getdoc(function) or "").partition("\n")[0]
        _declared[name] = Declaration(
            id=name,
            function=function,
            trigger=trigger,
            description=description,
            misfire_grace=misfire_grace,
            overlap=overlap,
            max_attempts=max_attempts,
        )
        return function

    return declare


def declarations() -> Mapping[str, Declaration]:
    """Return the jobs declared in the code, by id."""
    return MappingProxyType(_declared)


def _trigger(cron: str | None, every: timedelta | None, timezone: str) -> Trigger:
    if cron is not None and every is None:
        return Cron(cron, timezone)
    if every is not None and cron is None:
        if timezone != "UTC":
            raise ValueError("timezone= goes with cron=. An interval is the same in every zone.")
        return Every(every)
    raise ValueError("give either cron= or every=.")


def _stable_id(function: Callable[..., Any]) -> str:
    app = apps.get_containing_app_config(function.__module__)
    if app is None:
        raise ImproperlyConfigured(f"@scheduled on {_path(function)}: it is in no installed app. Give it an id=.")
    return f"{app.label}.{function.__name__}"


def _path(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{function.__qualname__}"
