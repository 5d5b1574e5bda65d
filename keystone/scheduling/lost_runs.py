"""End runs whose task ended without a result."""

from collections.abc import Iterable
from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now

from keystone.background.models import Task, TaskOutcome
from keystone.background.states import TaskState
from keystone.scheduling.models import OPEN_STATES, RunState, ScheduledRun

LOOKED_AT = 1_000  # runs checked at once
SETTLED_AFTER = timedelta(seconds=10)  # a task that has just ended may still be writing its result
LOST = "Its task ended without telling what came of it: it ran for too long, was cancelled, or its worker went away."


def going_on(runs: Iterable[ScheduledRun]) -> set[int]:
    """Return the keys of the runs whose task is waiting or running.

    A task whose worker has died counts as running until it is rescued.
    """
    by_task = {int(run.task_id): run.pk for run in runs if run.task_id.isdigit()}
    tasks = Task.objects.filter(pk__in=by_task, status__in=(TaskState.WAITING, TaskState.RUNNING))
    return {by_task[key] for key in tasks.values_list("pk", flat=True)}


def end_lost_runs() -> int:
    """Mark enqueued and running runs as failed if they will never end by themselves.

    Returns:
        The number of these runs.
    """
    settled = ScheduledRun.objects.filter(state__in=OPEN_STATES, claimed_at__lt=Now() - SETTLED_AFTER)
    # Other task ids do not belong to Procrastinate (in tests, for example), so their tasks cannot be checked.
    runs = list(settled.filter(task_id__regex=r"^\d{1,18}$").order_by("pk")[:LOOKED_AT])
    alive = going_on(runs)
    return end_as_lost(run for run in runs if run.pk not in alive)


@transaction.atomic
def end_as_lost(runs: Iterable[ScheduledRun]) -> int:
    """Mark these runs as failed, with the last error of their task, unless they have ended meanwhile.

    Returns:
        The number of runs that were marked.
    """
    ended = 0
    for run in runs:
        outcome = TaskOutcome.objects.filter(pk=int(run.task_id)).first() if run.task_id.isdigit() else None
        told = str(outcome.errors[-1].get("traceback", "")) if outcome is not None and outcome.errors else ""
        unchanged = ScheduledRun.objects.filter(pk=run.pk, state=run.state, attempts=run.attempts)
        ended += unchanged.update(state=RunState.FAILED, finished_at=Now(), error=f"{LOST}\n\n{told}".strip())
    return ended
