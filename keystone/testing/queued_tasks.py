"""Working off the queue in the test's own process."""

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
    """The real queue: what a test enqueues waits until it calls `run`."""

    options = WorkerOptions(wait=False, heartbeat=1, stalled_after=5, grace=1)

    def run(self, **options: Any) -> int:
        """Run everything that is due, in this process, and what it enqueues in turn.

        Args:
            options: of `WorkerOptions`.

        Returns:
            How many attempts were made.
        """
        worker = Worker(replace(self.options, **options))
        asyncio.run(worker.run())
        return worker.done


def row(result: "TaskResult[Any, Any]") -> ProcrastinateJob:
    """Procrastinate's row of a task."""
    job: ProcrastinateJob = ProcrastinateJob.objects.get(pk=int(result.id))
    return job


def make_due(result: "TaskResult[Any, Any]") -> None:
    """Let a task that waits for its moment be due."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE id = %s", [int(result.id)])


@contextmanager
def received(signal: Signal) -> Iterator[list[tuple[str, str]]]:
    """The id and the status of each task that a signal tells of in the block."""
    told: list[tuple[str, str]] = []

    def receive(task_result: "TaskResult[Any, Any]", **_: Any) -> None:
        told.append((task_result.id, task_result.status))

    signal.connect(receive)
    yield told
    signal.disconnect(receive)
