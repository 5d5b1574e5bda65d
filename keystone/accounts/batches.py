"""Go through many people in batches. One failure doesn't stop the batch."""

from collections.abc import Callable, Collection
from typing import Any

from keystone.accounts.managers import UserQuerySet


def walk(
    due: Callable[[], UserQuerySet],
    move: Callable[[Collection[Any]], None],
    leave: Callable[[Any, Exception], None],
    *,
    size: int,
    faults: type[Exception] = Exception,
) -> None:
    """Do something to everybody who is due, in the order of their keys. Call it outside a transaction.

    Args:
        due: those who are due at the moment of the call.
        move: what is done to those with these keys: to all of them or, where it raises, to nobody.
        leave: what is done about a key that `move` fails for alone, with the error.
        size: how many are moved together.
        faults: the errors after which they are moved one by one; any other ends the walk.
    """
    last: list[Any] = []
    while True:
        people = due().filter(pk__gt=last[0]) if last else due()
        ids = list(people.order_by("pk").values_list("pk", flat=True)[:size])
        if not ids:
            return
        try:
            move(ids)
        except faults:
            for key in ids:
                _move_alone(key, move, leave, faults)
        last = ids[-1:]


def _move_alone(
    key: Any,
    move: Callable[[Collection[Any]], None],
    leave: Callable[[Any, Exception], None],
    faults: type[Exception],
) -> None:
    try:
        move([key])
    except faults as error:
        leave(key, error)
