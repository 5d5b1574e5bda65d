"""Build results for `django.tasks` from Procrastinate's rows and events."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from django.tasks import Task, TaskResult, TaskResultStatus
from django.tasks.base import TaskError
from django.tasks.exceptions import InvalidTask, TaskResultDoesNotExist
from procrastinate.contrib.django.models import ProcrastinateEvent, ProcrastinateJob
from procrastinate.jobs import Job

from keystone.background.finding import TaskNotFound, find_task
from keystone.background.models import TaskOutcome

UNKNOWN = "?"  # a worker whose name is not stored; only the last one and those of failed attempts are
LARGEST_ID = 2**63 - 1
STATUSES = {
    "todo": TaskResultStatus.READY,
    "doing": TaskResultStatus.RUNNING,
    "succeeded": TaskResultStatus.SUCCESSFUL,
    "failed": TaskResultStatus.FAILED,
    "cancelled": TaskResultStatus.FAILED,
    "aborted": TaskResultStatus.FAILED,
}
ENDS = ("failed", "succeeded", "cancelled", "aborted")


def row_result(
    task: "Task[Any, Any]",
    job: Job,
    *,
    status: TaskResultStatus,
    enqueued_at: datetime | None = None,
    started_at: datetime | None = None,
    worker_ids: Sequence[str] = (),
) -> "TaskResult[Any, Any]":
    """Build the result of a waiting or running task without querying the database."""
    return TaskResult(
        task=task,
        id=str(job.id),
        status=status,
        enqueued_at=enqueued_at,
        started_at=started_at,
        last_attempted_at=started_at,
        finished_at=None,
        args=job.task_kwargs["args"],  # type: ignore[arg-type]  # we wrote it
        kwargs=job.task_kwargs["kwargs"],  # type: ignore[arg-type]  # we wrote it
        backend=task.backend,
        errors=[],
        worker_ids=list(worker_ids),
    )


def load_result(result_id: str, *, backend: str) -> "TaskResult[Any, Any]":
    """Load the result of the task with this id, in three queries.

    Raises:
        TaskResultDoesNotExist: the row does not exist, or the task's function is gone.
    """
    if not (result_id.isascii() and result_id.isdigit()) or int(result_id) > LARGEST_ID:
        raise TaskResultDoesNotExist(result_id)
    row = ProcrastinateJob.objects.filter(pk=int(result_id)).first()
    if row is None:
        raise TaskResultDoesNotExist(result_id)
    try:
        task = find_task(row.task_name)
    except TaskNotFound as error:
        raise TaskResultDoesNotExist(result_id) from error
    with suppress(InvalidTask):  # its queue is no longer declared
        task = task.using(priority=row.priority, queue_name=row.queue_name, backend=backend)
    events = list(ProcrastinateEvent.objects.filter(job_id=row.pk).order_by("id").values_list("type", "at"))
    outcome = TaskOutcome.objects.filter(pk=row.pk).first() or TaskOutcome(job_id=row.pk)
    starts = [at for kind, at in events if kind == "started"]
    result: TaskResult[Any, Any] = TaskResult(
        task=task,
        id=result_id,
        status=STATUSES[row.status],
        enqueued_at=_first(events, lambda kind: kind == "deferred"),
        started_at=starts[0] if starts else None,
        last_attempted_at=starts[-1] if starts else None,
        finished_at=_first(reversed(events), lambda kind: kind in ENDS) if row.status in ENDS else None,
        args=row.args.get("args", []),
        kwargs=row.args.get("kwargs", {}),
        backend=backend,
        errors=[TaskError(exception_class_path=e["class"], traceback=e["traceback"]) for e in outcome.errors],
        worker_ids=_workers(row, outcome, attempts=len(starts)),
    )
    object.__setattr__(result, "_return_value", outcome.return_value)
    return result


def was_rescued(result_id: str) -> bool:
    """Return whether a worker that ran the task with this id was lost."""
    return result_id.isdigit() and TaskOutcome.objects.filter(pk=int(result_id), rescues__gt=0).exists()


def _first(events: Any, wanted: Callable[[str], bool]) -> datetime | None:
    return next((at for kind, at in events if wanted(kind)), None)


def _workers(row: ProcrastinateJob, outcome: TaskOutcome, *, attempts: int) -> list[str]:
    """Return a worker name for each start: unknown ones first, then those of failed attempts, then the last one."""
    failed = [str(error.get("worker", UNKNOWN)) for error in outcome.errors]
    running_or_done = row.status in {"doing", "succeeded"}
    last = [str(row.worker_id) if row.worker_id is not None else UNKNOWN] if running_or_done else []
    known = [*failed, *last][-attempts:] if attempts else []
    return [*[UNKNOWN] * (attempts - len(known)), *known]
