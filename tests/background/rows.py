"""Rows of Procrastinate's, made by its own functions."""

from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from psycopg.types.json import Jsonb

from keystone.background.models import Task, WorkerProcess

NAME = "tests.background.rows.example"
LIST = "/admin/keystone/task/"


def page_of(task: Task) -> str:
    """The address of a task's page in the admin."""
    return f"{LIST}{task.pk}/change/"


def waiting(
    name: str = NAME,
    *,
    queue: str = "default",
    at: datetime | None = None,
    args: list[Any] | None = None,
    request_id: str = "",
    **kwargs: Any,
) -> Task:
    """A task that waits; due now, or `at` a time."""
    given = {"args": args or [], "kwargs": kwargs, "request_id": request_id}
    [key] = _one(
        "SELECT procrastinate_defer_jobs_v1(ARRAY[ROW(%s, %s, 0, NULL, NULL, %s, %s)::procrastinate_job_to_defer_v1])",
        [queue, name, Jsonb(given), at],
    )[0]
    return again(key)


def running(name: str = NAME, **fields: Any) -> Task:
    """A task that a worker has taken."""
    task = waiting(name, **fields)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE procrastinate_jobs SET status = 'doing', worker_id = %s WHERE id = %s", [worker(), task.pk]
        )
    return again(task.pk)


def ended(status: str, name: str = NAME, **fields: Any) -> Task:
    """A task that has succeeded, failed, was aborted or cancelled."""
    if status == "cancelled":
        task = waiting(name, **fields)
        _one("SELECT procrastinate_cancel_job_v1(%s, false, false)", [task.pk])
    else:
        task = running(name, **fields)
        _one("SELECT procrastinate_finish_job_v1(%s, %s::procrastinate_job_status, false)", [task.pk, status])
    return again(task.pk)


def worker(*, silent: float = 0) -> int:
    """A worker as Procrastinate registers it, whose last sign of life is `silent` seconds ago."""
    key = int(_one("SELECT worker_id FROM procrastinate_register_worker_v1()", [])[0])
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE procrastinate_workers SET last_heartbeat = now() - make_interval(secs => %s) WHERE id = %s",
            [silent, key],
        )
    return key


def process(name: str = "host-1", *, silent: float = 0, **fields: Any) -> WorkerProcess:
    """A worker process with its heartbeat."""
    return WorkerProcess.objects.create(worker_id=worker(silent=silent), name=name, concurrency=4, **fields)


def age(task: Task, by: timedelta) -> Task:
    """Let all of a task's events have been so much earlier."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE procrastinate_events SET at = at - %s::interval WHERE job_id = %s",
            [str(by.total_seconds()), task.pk],
        )
    return task


def again(key: int) -> Task:
    """A task as it is now."""
    task: Task = Task.objects.get(pk=key)
    return task


def events(task: Task) -> list[str]:
    """The names of a task's events, the first first."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT type::text FROM procrastinate_events WHERE job_id = %s ORDER BY id", [task.pk])
        return [row[0] for row in cursor.fetchall()]


def _one(statement: str, arguments: list[Any]) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)
        return cursor.fetchone()
