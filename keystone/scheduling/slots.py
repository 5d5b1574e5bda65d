"""The slot of the running job."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime

_slot: ContextVar[datetime | None] = ContextVar("keystone_slot", default=None)


def current_slot() -> datetime | None:
    """Return the time (UTC) at which the running job was due, however late it runs; None outside a job.

    For a run that was requested by hand, it is the time of the request.
    """
    return _slot.get()


@contextmanager
def running_slot(slot: datetime) -> Iterator[None]:
    """Make `slot` the current one within the block."""
    token = _slot.set(slot)
    try:
        yield
    finally:
        _slot.reset(token)
