"""Read counts, ages and histories of tasks and workers, at a bounded cost."""

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

COUNTED = 10_000  # the limit of every count
DEAD_AFTER = timedelta(seconds=WorkerOptions.stalled_after)  # without a heartbeat
OVERDUE_AFTER = timedelta(seconds=30)  # warn about a task that waits longer than this without a worker

# Uses the index of waiting and running tasks by key, so the oldest tasks come first. A task without `scheduled_at` has
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
# A loose index scan: one step per name, however many tasks there are.
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
    """A worker process. It serves all queues if `queues` is empty. `last_seen_at` is None once it was presumed dead."""

    name: str
    queues: list[str]
    concurrency: int
    started_at: datetime
    last_seen_at: datetime | None

    @property
    def is_alive(self) -> bool:
        """Whether the worker has sent a heartbeat recently."""
        return self.last_seen_at is not None and self.last_seen_at > timezone.now() - DEAD_AFTER

    def serves(self, queue: str) -> bool:
        return not self.queues or queue in self.queues


@dataclass(frozen=True)
class QueueState:
    """The due tasks of a queue: how many, since when the oldest is due, and whether a live worker serves it."""

    name: str
    waiting: int
    oldest_due_at: datetime | None
    is_served: bool

    @property
    def is_stuck(self) -> bool:
        """Whether a task has been due for a while and no live worker serves the queue."""
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
        """The names of the queues that are stuck."""
        return [queue.name for queue in self.queues if queue.is_stuck]


def overview() -> Overview:
    """Return the current state of tasks and workers. This takes six queries; none counts beyond `COUNTED`."""
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
    """Return the workers that have not signed off, live ones first."""
    processes = list(WorkerProcess.objects.order_by("name", "worker_id"))
    seen = dict(ProcrastinateWorker.objects.values_list("pk", "last_heartbeat"))
    workers = [
        Worker(process.name, process.queues, process.concurrency, process.started_at, seen.get(process.pk))
        for process in processes
    ]
    return sorted(workers, key=lambda worker: not worker.is_alive)


def queue_names() -> list[str]:
    """Return the names of all queues that contain tasks, in alphabetical order."""
    return _names("queue_name")


def task_names() -> list[str]:
    """Return the names of all tasks in the table, in alphabetical order."""
    return _names("task_name")


def add_times(tasks: Iterable[Any]) -> None:
    """Set `enqueued_at` and `last_event_at` on each task, and `started_at` and `finished_at` of its last attempt.

    This takes one query. Unknown times are None.
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
    """Return the events of a task, oldest first. A `scheduled` event follows the event that caused it."""
    events: list[ProcrastinateEvent] = []
    for event in ProcrastinateEvent.objects.filter(job_id=task.pk).order_by("id"):
        # Of Procrastinate's two triggers, the one for `scheduled` happens to write first.
        place = len(events) - 1 if events and events[-1].type == "scheduled" else len(events)
        events.insert(place, event)
    return events


def task_outcome(task: Task) -> TaskOutcome:
    """Return the outcome of a task, or an empty one if none is stored."""
    return TaskOutcome.objects.filter(pk=task.pk).first() or TaskOutcome(pk=task.pk)


def _count(state: TaskState) -> int:
    return int(Task.objects.filter(status=state).order_by()[: COUNTED + 1].count())


def _names(column: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(NAMES.format(column=column))
        return [row[0] for row in cursor.fetchall()]
