"""Cached values."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async

from keystone.caching.slots import Hit, Slot
from keystone.caching.tokens import ModelOrLabel

PLAIN = (str, bytes, int, float, Decimal, date, timedelta, UUID, Enum, type(None))


def remembered[**P, R](
    expire: int = 300, *, models: tuple[ModelOrLabel, ...] = ()
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Keep what a function returns, for each of its arguments, and for everybody.

    Whatever the value depends on must be an argument: the person, the language, the day. It is pickled, so let it be
    numbers, texts and lists of them, and nothing that is not everybody's business.

    Args:
        expire: seconds.
        models: with any row of theirs that is committed, the value is void.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        if function.__name__ == "<lambda>":
            raise TypeError("A remembered function must have a name: it is kept by it.")

        def slot(args: Any, kwargs: Any) -> Slot:
            for value in (*args, *kwargs.values()):
                _check(value)
            return Slot(("value", function.__module__, function.__qualname__, args, sorted(kwargs.items())), models)

        if iscoroutinefunction(function):

            @wraps(function)
            async def aremember(*args: P.args, **kwargs: P.kwargs) -> Any:
                found = await slot(args, kwargs).atake()
                if isinstance(found, Hit):
                    return found.payload
                async with found as turn:
                    value = await function(*args, **kwargs)
                    await sync_to_async(turn.keep)(value, expire=expire)
                    return value

            return aremember  # type: ignore[return-value]  # it returns what the function returns: a coroutine

        @wraps(function)
        def remember(*args: P.args, **kwargs: P.kwargs) -> R:
            found = slot(args, kwargs).take()
            if isinstance(found, Hit):
                kept: R = found.payload
                return kept
            with found as turn:
                value = function(*args, **kwargs)
                turn.keep(value, expire=expire)
                return value

        return remember

    return decorate


def _check(value: object) -> None:
    if isinstance(value, (tuple, frozenset)):
        for part in value:
            _check(part)
    elif not isinstance(value, PLAIN):
        raise TypeError(f"An argument of a remembered function must be plain, not a {type(value).__name__}.")
