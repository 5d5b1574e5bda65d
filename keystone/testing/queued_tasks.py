"""Run queued tasks in the test's process."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from django.db import connection
from django.dispatch import Signal
from django.tasks import TaskResult
from procrastinate.contrib.django.models import ProcrastinateJob

from keystone.background.options import WorkerOptions
from keystone.background.worker import Worker


class QueuedTasks:
    """The real queue: enqueued tasks wait until a test calls `run()`."""

    options = WorkerOptions(wait=False, heartbeat=1, stalled_after=5, grace=1)

    def run(self, **options: Any) -> int:
        """Run all due tasks in this process, including those that they enqueue.

        Args:
            options: fields of `WorkerOptions`.

        Returns:
            The number of attempts.
        """
        worker = Worker(replace(self.options, **options))
        asyncio.run(worker.run())
        return worker.done


def row(result: "TaskResult[Any, Any]") -> ProcrastinateJob:
    """Return Procrastinate's row of a task."""
    job: ProcrastinateJob = ProcrastinateJob.objects.get(pk=int(result.id))
    return job


def make_due(result: "TaskResult[Any, Any]") -> None:
    """Make a task that is scheduled for later due now."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE id = %s", [int(result.id)])


@contextmanager
def received(signal: Signal) -> Iterator[list[tuple[str, str]]]:
    """Collect the id and the status of each task that the signal reports in the block."""
    told: list[tuple[str, str]] = []

    def receive(task_result: "TaskResult[Any, Any]", **_: Any) -> None:
        told.append((task_result.id, task_result.status))

    signal.connect(receive)
    yield told
    signal.disconnect(receive)
