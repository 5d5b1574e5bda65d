"""The `@task` decorator: Django's own, with a limit on attempts and a timeout."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from django.tasks import task as django_task
from django.tasks.base import (
    DEFAULT_TASK_BACKEND_ALIAS,
    DEFAULT_TASK_PRIORITY,
    DEFAULT_TASK_QUEUE_NAME,
    Task,
)

MAX_ATTEMPTS = 5
TIMEOUT = 600.0  # seconds

if TYPE_CHECKING:
    _Task = Task[Any, Any]
else:
    _Task = Task


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedTask(_Task):
    """A Django task with a limit on attempts and a timeout.

    Attributes:
        max_attempts: number of attempts before the task is left to an administrator; at least 1.
        timeout: seconds after which an attempt is stopped and counts as failed; None for no limit.
    """

    max_attempts: int = MAX_ATTEMPTS
    timeout: float | None = TIMEOUT


def task[**P, R](
    *,
    priority: int = DEFAULT_TASK_PRIORITY,
    queue_name: str = DEFAULT_TASK_QUEUE_NAME,
    backend: str = DEFAULT_TASK_BACKEND_ALIAS,
    max_attempts: int = MAX_ATTEMPTS,
    timeout: float | None = TIMEOUT,
    takes_context: bool = False,
) -> "Callable[[Callable[P, R]], Task[P, R]]":
    """Declare a module-level function as a task.

    The task is enqueued in the caller's transaction and runs at least once. Its arguments must be JSON: pass ids and
    let the task fetch the objects. A task may run twice, so make it idempotent.

    Args:
        priority: -100 to 100; higher runs first.
        queue_name: the queue. A worker serves all queues unless its options name some.
        backend: an alias in `TASKS`.
        max_attempts: maximum number of attempts, with increasing delays between them.
        timeout: seconds allowed for one attempt; None for no limit.
        takes_context: whether the function's first argument is a `TaskContext`, which knows the attempt.
    """
    limits: dict[str, Any] = {"max_attempts": max_attempts, "timeout": timeout}
    declare: Any = django_task
    return cast(
        "Callable[[Callable[P, R]], Task[P, R]]",
        declare(priority=priority, queue_name=queue_name, backend=backend, takes_context=takes_context, **limits),
    )
