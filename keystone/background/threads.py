"""Tasks in threads of this process: an answer does not wait for the mails that it causes.

It is the engine of one process until the queue in PostgreSQL comes: nothing is retried, and a process that is killed
takes its waiting tasks with it. One that ends in order finishes them first.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connections
from django.tasks import Task, TaskResult, TaskResultStatus
from django.tasks.backends.immediate import ImmediateBackend
from django.utils.crypto import get_random_string

THREADS = 2


class ThreadBackend(ImmediateBackend):
    """Runs each task as Django's immediate backend does, but in a thread; the result is not kept."""

    def __init__(self, alias: str, params: dict[str, Any]) -> None:
        super().__init__(alias, params)
        # The interpreter waits for the pool's tasks before it exits.
        self.pool = ThreadPoolExecutor(THREADS, thread_name_prefix=f"tasks-{alias}")

    def enqueue(self, task: "Task[Any, Any]", args: Any, kwargs: Any) -> "TaskResult[Any, Any]":
        """Hand the task to a thread."""
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
        self.pool.submit(self._execute_and_disconnect, result)
        return result

    def _execute_and_disconnect(self, result: "TaskResult[Any, Any]") -> None:
        try:
            self._execute_task(result)  # type: ignore[attr-defined]  # Django's own; the stubs leave it out
        finally:
            connections.close_all()
