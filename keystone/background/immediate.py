"""A backend for tests, which runs tasks when their transaction commits."""

from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.tasks import TaskResult, TaskResultStatus
from django.tasks.backends.immediate import ImmediateBackend as DjangoImmediateBackend
from django.utils import timezone
from django.utils.crypto import get_random_string

from keystone.background.declaring import QueuedTask

if TYPE_CHECKING:
    from django.tasks import Task


class ImmediateBackend(DjangoImmediateBackend):
    """A backend that runs each task in the caller's thread on commit, as a queue in the database would."""

    task_class = QueuedTask
    supports_defer = True  # deferred tasks never run; tests call their function instead

    def enqueue(self, task: "Task[Any, Any]", args: Any, kwargs: Any) -> "TaskResult[Any, Any]":
        """Run the task on commit. A task deferred to a later time is not run at all."""
        self.validate_task(task)
        result: TaskResult[Any, Any] = TaskResult(
            task=task,
            id=get_random_string(32),
            status=TaskResultStatus.READY,
            enqueued_at=None,
            started_at=None,
            last_attempted_at=None,
            finished_at=None,
            args=args,
            kwargs=kwargs,
            backend=self.alias,
            errors=[],
            worker_ids=[],
        )
        if task.run_after is None or task.run_after <= timezone.now():
            run: Any = self._execute_task  # type: ignore[attr-defined]  # Django's own; the stubs leave it out
            transaction.on_commit(partial(run, result), robust=True)
        return result
