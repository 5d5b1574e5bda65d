"""Values that the entries of a task or a job have in common, in addition to their origin."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_context: ContextVar[Mapping[str, str]] = ContextVar("keystone_log_context", default={})  # noqa: B039 - never changed


def current_log_context() -> Mapping[str, str]:
    """Return the values set by `log_context`; empty outside one."""
    return _context.get()


@contextmanager
def log_context(**values: str) -> Iterator[None]:
    """Add these values to all log entries and Sentry events in the block.

    Args:
        values: short values, not secrets, such as `task_id="7", task="keystone.mail.tasks.deliver"`.
    """
    token = _context.set({**_context.get(), **values})
    try:
        yield
    finally:
        _context.reset(token)
