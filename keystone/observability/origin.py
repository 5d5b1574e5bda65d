"""The origin of a change: request id, IP address and user agent."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Origin:
    """The request that caused a change; empty outside a request.

    `caller_request_id` is the caller's id for the request. It is not trusted, and only logged.
    """

    request_id: str = ""
    ip_address: str | None = None
    caller_request_id: str = ""
    user_agent: str = ""


ORIGIN_KEY = "keystone.origin"  # the key in a request's META
_origin: ContextVar[Origin] = ContextVar("keystone_origin", default=Origin())  # noqa: B039 - it is frozen


def current_origin() -> Origin:
    """Return the origin of the current request, or an empty one."""
    return _origin.get()


@contextmanager
def origin(
    *, request_id: str = "", ip_address: str | None = None, caller_request_id: str = "", user_agent: str = ""
) -> Iterator[Origin]:
    """Set the origin in the block."""
    value = Origin(request_id, ip_address, caller_request_id, user_agent)
    token = _origin.set(value)
    try:
        yield value
    finally:
        _origin.reset(token)
