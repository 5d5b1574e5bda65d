"""The `@remembered` decorator for functions."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from functools import wraps
from inspect import iscoroutinefunction
from uuid import UUID

from keystone.caching.slots import Hit, Slot
from keystone.caching.versions import ModelOrLabel

PLAIN = (str, bytes, int, float, Decimal, date, timedelta, UUID, Enum, type(None))


def remembered[**P, R](
    expire: int = 300, *, models: tuple[ModelOrLabel, ...] = ()
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Cache a function's return values by its arguments, for everybody.

    Everything that the value depends on must be an argument, such as the user, the language or the day. The value is
    pickled: return numbers, strings and lists of them, and nothing confidential.

    Args:
        expire: the lifetime in seconds.
        models: committed changes to rows of these models invalidate the value (see `versions.versioned`).

    Raises:
        TypeError: the function is a coroutine or a lambda; or, when it is called, an argument is not plain.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        if iscoroutinefunction(function) or function.__name__ == "<lambda>":
            raise TypeError("What is remembered is the value of a function with a name that is no coroutine.")

        @wraps(function)
        def remember(*args: P.args, **kwargs: P.kwargs) -> R:
            for argument in (*args, *kwargs.values()):
                _check(argument)
            what = ("value", function.__module__, function.__qualname__, args, sorted(kwargs.items()))
            slot = Slot(what, models)
            found = slot.look_up()
            if isinstance(found, Hit):
                cached: R = found.payload
                return cached
            value = function(*args, **kwargs)
            slot.store(value, found, expire=expire)
            return value

        return remember

    return decorate


def _check(value: object) -> None:
    if isinstance(value, (tuple, frozenset)):
        for part in value:
            _check(part)
    elif not isinstance(value, PLAIN):
        raise TypeError(f"An argument of a remembered function must be plain, not a {type(value).__name__}.")
