"""Counts, ages and histories of tasks and workers, at a bounded cost."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateEvent, ProcrastinateWorker

from keystone.background.models import Task, TaskOutcome, WorkerProcess
from keystone.background.options import WorkerOptions
from keystone.background.states import TaskState

COUNTED = 10_000  # as far as anything is counted
DEAD_AFTER = timedelta(seconds=WorkerOptions.stalled_after)  # without a sign of life
OVERDUE_AFTER = timedelta(seconds=30)  # a task that waits longer than this with no worker in sight is worth a warning

# Through the index of what waits or runs, by key: the longest enqueued come first. Without `scheduled_at` a task has
# been due since it was enqueued, and the lowest key was enqueued first.
DUE = """
WITH due AS (
    SELECT id, queue_name, scheduled_at FROM procrastinate_jobs
    WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now())
    ORDER BY id LIMIT %(limit)s
), queues AS (
    SELECT queue_name, count(*) AS waiting, min(scheduled_at) AS scheduled,
           min(id) FILTER (WHERE scheduled_at IS NULL) AS first
    FROM due GROUP BY queue_name
)
SELECT queue_name, waiting, least(scheduled, (
    SELECT at FROM procrastinate_events WHERE job_id = queues.first AND type = 'deferred' ORDER BY id LIMIT 1
))
FROM queues ORDER BY queue_name
"""
LATER = """
SELECT count(*) FILTER (WHERE scheduled_at > now())
FROM (SELECT scheduled_at FROM procrastinate_jobs WHERE status = 'todo' ORDER BY id LIMIT %(limit)s) AS waiting
"""
# Loose index scans: one step per name, however many tasks there are.
NAMES = """
WITH RECURSIVE seen(name) AS (
    (SELECT {column} FROM procrastinate_jobs ORDER BY {column} LIMIT 1)
    UNION ALL
    SELECT (SELECT {column} FROM procrastinate_jobs WHERE {column} > seen.name ORDER BY {column} LIMIT 1)
    FROM seen WHERE seen.name IS NOT NULL
)
SELECT name FROM seen WHERE name IS NOT NULL
"""


@dataclass(frozen=True)
class Worker:
    """A worker process. Without queues it serves all; `last_seen_at` is None once the others have given it up."""

    name: str
    queues: list[str]
    concurrency: int
    started_at: datetime
    last_seen_at: datetime | None

    @property
    def is_alive(self) -> bool:
        """Whether it has given a sign of life lately."""
        return self.last_seen_at is not None and self.last_seen_at > timezone.now() - DEAD_AFTER

    def serves(self, queue: str) -> bool:
        """Whether it takes the tasks of a queue."""
        return not self.queues or queue in self.queues


@dataclass(frozen=True)
class QueueState:
    """What is due in a queue: how many tasks, since when the longest, and whether a live worker takes it."""

    name: str
    waiting: int
    oldest_due_at: datetime | None
    is_served: bool

    @property
    def is_stuck(self) -> bool:
        """Whether something has been due for a while and nobody is there to do it."""
        if self.is_served or self.oldest_due_at is None:
            return False
        return self.oldest_due_at < timezone.now() - OVERDUE_AFTER


@dataclass(frozen=True)
class Overview:
    """Queues, workers and counts at one moment. Each count stops beyond `COUNTED`."""

    queues: list[QueueState] = field(default_factory=list)
    workers: list[Worker] = field(default_factory=list)
    waiting: int = 0
    later: int = 0
    running: int = 0
    failed: int = 0

    @property
    def stuck(self) -> list[str]:
        """The queues that nobody serves although something is due."""
        return [queue.name for queue in self.queues if queue.is_stuck]


def overview() -> Overview:
    """How the tasks stand now: six queries, of which none counts beyond `COUNTED`."""
    workers = running_workers()
    alive = [worker for worker in workers if worker.is_alive]
    with connection.cursor() as cursor:
        cursor.execute(DUE, {"limit": COUNTED + 1})
        queues = [
            QueueState(name, waiting, oldest, any(worker.serves(name) for worker in alive))
            for name, waiting, oldest in cursor.fetchall()
        ]
        cursor.execute(LATER, {"limit": COUNTED + 1})
        (later,) = cursor.fetchone()
    return Overview(
        queues=queues,
        workers=workers,
        waiting=sum(queue.waiting for queue in queues),
        later=later,
        running=_count(TaskState.RUNNING),
        failed=_count(TaskState.FAILED),
    )


def running_workers() -> list[Worker]:
    """The workers that have not signed off, those with a sign of life first."""
    processes = list(WorkerProcess.objects.order_by("name", "worker_id"))
    seen = dict(ProcrastinateWorker.objects.values_list("pk", "last_heartbeat"))
    workers = [
        Worker(process.name, process.queues, process.concurrency, process.started_at, seen.get(process.pk))
        for process in processes
    ]
    return sorted(workers, key=lambda worker: not worker.is_alive)


def queue_names() -> list[str]:
    """The queues that any task is in, in alphabetical order."""
    return _names("queue_name")


def task_names() -> list[str]:
    """The names of all tasks that the table holds, in alphabetical order."""
    return _names("task_name")


def add_times(tasks: Iterable[Any]) -> None:
    """Give each task `enqueued_at`, `last_event_at`, and `started_at` and `finished_at` of its last attempt.

    One query for all of them; each is None where it is not known.
    """
    by_key = {task.pk: task for task in tasks}
    for task in by_key.values():
        task.enqueued_at = task.started_at = task.finished_at = task.last_event_at = None
    events = ProcrastinateEvent.objects.filter(job_id__in=by_key).exclude(type="scheduled").order_by("id")
    for job_id, kind, at in events.values_list("job_id", "type", "at"):
        task = by_key[job_id]
        task.last_event_at = at
        if kind == "deferred":
            task.enqueued_at = task.enqueued_at or at
        elif kind == "started":
            task.started_at, task.finished_at = at, None
        elif kind in {"succeeded", "failed", "aborted", "deferred_for_retry"}:
            task.finished_at = at


def task_events(task: Task) -> list[ProcrastinateEvent]:
    """What happened to a task, the first first; when it is to run stands after what decided that."""
    events: list[ProcrastinateEvent] = []
    for event in ProcrastinateEvent.objects.filter(job_id=task.pk).order_by("id"):
        # Of the two triggers, that of the time happens to write first.
        place = len(events) - 1 if events and events[-1].type == "scheduled" else len(events)
        events.insert(place, event)
    return events


def task_outcome(task: Task) -> TaskOutcome:
    """What came of a task; empty where nothing is noted."""
    return TaskOutcome.objects.filter(pk=task.pk).first() or TaskOutcome(pk=task.pk)


def _count(state: TaskState) -> int:
    return int(Task.objects.filter(status=state).order_by()[: COUNTED + 1].count())


def _names(column: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(NAMES.format(column=column))
        return [row[0] for row in cursor.fetchall()]
