"""The origin of a change: request id, IP address and user agent."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Origin:
    """The request that a change belongs to; empty outside one.

    `caller_request_id` is what a caller calls the request, who need not be believed. It is for the log alone.
    """

    request_id: str = ""
    ip_address: str | None = None
    caller_request_id: str = ""
    user_agent: str = ""


ORIGIN_KEY = "keystone.origin"  # where a request's META holds its own
_origin: ContextVar[Origin] = ContextVar("keystone_origin", default=Origin())  # noqa: B039 - it is frozen


def current_origin() -> Origin:
    """The origin of the running request, or an empty one."""
    return _origin.get()


@contextmanager
def origin(
    *, request_id: str = "", ip_address: str | None = None, caller_request_id: str = "", user_agent: str = ""
) -> Iterator[Origin]:
    """Set the origin for the time of the block."""
    value = Origin(request_id, ip_address, caller_request_id, user_agent)
    token = _origin.set(value)
    try:
        yield value
    finally:
        _origin.reset(token)
