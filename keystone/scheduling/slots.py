"""The slot of a run."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime

_slot: ContextVar[datetime | None] = ContextVar("keystone_slot", default=None)


def current_slot() -> datetime | None:
    """The time (UTC) at which the running job was due, however late it runs; None outside a job.

    Where somebody asked for the run it is the time at which they did.
    """
    return _slot.get()


@contextmanager
def running_slot(slot: datetime) -> Iterator[None]:
    """Make `slot` the current one for the time of the block."""
    token = _slot.set(slot)
    try:
        yield
    finally:
        _slot.reset(token)
