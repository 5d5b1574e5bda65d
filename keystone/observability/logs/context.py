"""What the lines of a stretch of work have in common beside their origin: the task, the job."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_context: ContextVar[Mapping[str, str]] = ContextVar("keystone_log_context", default={})  # noqa: B039 - never written to


def current_log_context() -> Mapping[str, str]:
    """What `log_context` said; empty outside one."""
    return _context.get()


@contextmanager
def log_context(**values: str) -> Iterator[None]:
    """Put these on every line, and on what Sentry is told, for the time of the block.

    Args:
        values: short and no secrets, such as `task_id="7", task="keystone.mail.tasks.deliver"`.
    """
    token = _context.set({**_context.get(), **values})
    try:
        yield
    finally:
        _context.reset(token)
