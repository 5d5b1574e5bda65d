"""Tasks in threads of this process: an answer does not wait for the mails that it causes.

It is the engine of one process until the queue in PostgreSQL comes: nothing is retried, and a process that is killed
takes its waiting tasks with it. One that ends in order finishes them first.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connections
from django.tasks import TaskResult
from django.tasks.backends.immediate import ImmediateBackend

THREADS = 2


class ThreadBackend(ImmediateBackend):
    """Runs each task as Django's immediate backend does, but in a thread; the result is not kept."""

    def __init__(self, alias: str, params: dict[str, Any]) -> None:
        super().__init__(alias, params)
        # The interpreter waits for the pool's tasks before it exits.
        self.pool = ThreadPoolExecutor(THREADS, thread_name_prefix=f"tasks-{alias}")

    def _execute_task(self, task_result: "TaskResult[Any, Any]") -> None:
        """Hand the task to a thread, where the immediate backend would run it."""
        self.pool.submit(self._execute_and_disconnect, task_result)

    def _execute_and_disconnect(self, task_result: "TaskResult[Any, Any]") -> None:
        try:
            super()._execute_task(task_result)  # type: ignore[misc]  # Django's own; the stubs leave it out
        finally:
            connections.close_all()
