"""The `django.tasks` backend built on Procrastinate. Tasks are written in the caller's transaction."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import psycopg
from django.conf import settings
from django.core import checks
from django.db import OperationalError, connections
from django.tasks import Task, TaskResult, TaskResultStatus
from django.tasks.backends.base import BaseTaskBackend
from django.tasks.exceptions import InvalidTask
from django.tasks.signals import task_enqueued
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.contrib.django.settings import settings as procrastinate_settings
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job

from keystone.background.arguments import storable
from keystone.background.declaring import QueuedTask
from keystone.background.results import load_result, row_result
from keystone.observability.origin import current_origin

LONGEST_PATH = 128  # characters in Procrastinate's column
# PostgreSQL limits channel names to 63 bytes, and Procrastinate announces new tasks on one channel per queue.
LONGEST_QUEUE = 63 - len("procrastinate_queue_v1#")


class ProcrastinateBackend(BaseTaskBackend):
    """A backend that queues tasks in PostgreSQL for `manage.py worker`. See docs/adr/0007-task-queue.md for why.

    A task enqueued in a transaction exists once the transaction commits; a rollback discards it.
    """

    task_class = QueuedTask
    supports_defer = True
    supports_async_task = True
    supports_get_result = True
    supports_priority = True

    def validate_task(self, task: "Task[Any, Any]") -> None:
        """Refuse a task that could not be queued.

        Raises:
            InvalidTask: the message gives the reason.
        """
        super().validate_task(task)
        if len(task.module_path) > LONGEST_PATH:
            raise InvalidTask(f"The path of a task has at most {LONGEST_PATH} characters: {task.module_path}")

    def enqueue(self, task: "Task[Any, Any]", args: Sequence[Any], kwargs: Mapping[str, Any]) -> "TaskResult[Any, Any]":
        """Queue a task in the open transaction, or at once if there is none.

        Raises:
            TypeError, ValueError: the arguments are not JSON that PostgreSQL can store.
            OperationalError: the database does not respond.
        """
        [job] = self._queue(task, [(args, kwargs)])
        return self._told(task, job)

    def enqueue_many(self, task: "Task[Any, Any]", calls: Iterable[Mapping[str, Any]]) -> list[str]:
        """Queue a task once for each mapping of keyword arguments, in one statement.

        Returns:
            The ids of the results, in the order of the calls.

        Raises:
            As `enqueue`.
        """
        jobs = self._queue(task, [((), kwargs) for kwargs in calls])
        if len(task_enqueued.receivers) > 1:  # there is a receiver besides Django's own logging
            for job in jobs:
                self._told(task, job)
        return [str(job.id) for job in jobs]

    def _queue(self, task: "Task[Any, Any]", calls: Iterable[tuple[Sequence[Any], Mapping[str, Any]]]) -> list[Job]:
        self.validate_task(task)
        request_id = current_origin().request_id
        jobs = [self._job(task, args, kwargs, request_id) for args, kwargs in calls]
        if not jobs:
            return []
        try:
            # Bypass Procrastinate's JobDeferrer, which logs every argument.
            return list(app.job_manager.batch_defer_jobs(jobs))
        except ConnectorException as error:
            if isinstance(error.__cause__, (psycopg.OperationalError, psycopg.InterfaceError)):
                raise OperationalError(*error.__cause__.args) from error
            raise

    def _told(self, task: "Task[Any, Any]", job: Job) -> "TaskResult[Any, Any]":
        result = row_result(task, job, status=TaskResultStatus.READY, enqueued_at=timezone.now())
        task_enqueued.send(type(self), task_result=result)
        return result

    def get_result(self, result_id: str) -> "TaskResult[Any, Any]":
        """Return the result of a task, which is available until its row is pruned.

        Raises:
            TaskResultDoesNotExist: the row does not exist, or the task's function is gone.
        """
        return load_result(result_id, backend=self.alias)

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        """E082: a queue name is empty or too long for notifications. E083: the queue is not on PostgreSQL."""
        found: list[checks.CheckMessage] = [
            checks.Error(
                f"TASKS[{self.alias!r}] has the queue {name!r}: a name has 1 to {LONGEST_QUEUE} bytes.",
                hint="Give it a shorter name in config/settings/base.py.",
                id="keystone.E082",
            )
            for name in sorted(self.queues)
            if not 0 < len(name.encode()) <= LONGEST_QUEUE
        ]
        alias = procrastinate_settings.DATABASE_ALIAS
        if alias not in settings.DATABASES or connections[alias].vendor != "postgresql":
            hint = "Let PROCRASTINATE_DATABASE_ALIAS name a database of PostgreSQL, the one that your data is in."
            found.append(checks.Error("Tasks need PostgreSQL.", hint=hint, id="keystone.E083"))
        return found

    def _job(self, task: "Task[Any, Any]", args: Sequence[Any], kwargs: Mapping[str, Any], request_id: str) -> Job:
        what = f"The arguments of {task.module_path}"
        return Job(
            id=None,
            queue=task.queue_name,
            priority=task.priority,
            lock=None,
            queueing_lock=None,
            task_name=task.module_path,
            task_kwargs={**storable({"args": args, "kwargs": kwargs}, what=what), "request_id": request_id},
            scheduled_at=task.run_after,
        )


def enqueue_many(task: "Task[Any, Any]", calls: Iterable[Mapping[str, Any]]) -> list[str]:
    """Queue `task` once for each mapping of keyword arguments, in one statement if the backend has a queue.

    Returns:
        The ids of the results, in the order of the calls.

    Raises:
        As the backend's `enqueue`.
    """
    backend = task.get_backend()
    if isinstance(backend, ProcrastinateBackend):
        return backend.enqueue_many(task, calls)
    return [task.enqueue(**kwargs).id for kwargs in calls]
