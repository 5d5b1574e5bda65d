"""Process many people in batches. One failure doesn't stop the batch."""

from collections.abc import Callable, Collection
from typing import Any

from keystone.accounts.managers import UserQuerySet


def walk(
    due: Callable[[], UserQuerySet],
    process: Callable[[Collection[Any]], None],
    leave: Callable[[Any, Exception], None],
    *,
    size: int,
    faults: type[Exception] = Exception,
) -> None:
    """Process everybody who is due, in the order of their keys. Call it outside a transaction.

    Args:
        due: returns the people who are due at the moment of the call.
        process: processes the people with these keys: all of them or, if it raises, none.
        leave: handles a key that `process` fails for alone, with the error.
        size: how many are processed together.
        faults: the errors after which people are processed one by one; any other ends the walk.
    """
    last: list[Any] = []
    while True:
        people = due().filter(pk__gt=last[0]) if last else due()
        ids = list(people.order_by("pk").values_list("pk", flat=True)[:size])
        if not ids:
            return
        try:
            process(ids)
        except faults:
            for key in ids:
                _process_alone(key, process, leave, faults)
        last = ids[-1:]


def _process_alone(
    key: Any,
    process: Callable[[Collection[Any]], None],
    leave: Callable[[Any, Exception], None],
    faults: type[Exception],
) -> None:
    try:
        process([key])
    except faults as error:
        leave(key, error)
