"""End runs whose task ended without a result."""

from collections.abc import Iterable
from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now

from keystone.background.models import Task, TaskOutcome
from keystone.background.states import TaskState
from keystone.scheduling.models import OPEN_STATES, RunState, ScheduledRun

LOOKED_AT = 1_000  # at once
SETTLED_AFTER = timedelta(seconds=10)  # a task that has just ended may still be about to tell
LOST = "Its task ended without telling what came of it: it ran for too long, was cancelled, or its worker went away."


def going_on(runs: Iterable[ScheduledRun]) -> set[int]:
    """The keys of the runs whose task waits or runs; a task whose worker has died runs until it is rescued."""
    by_task = {int(run.task_id): run.pk for run in runs if run.task_id.isdigit()}
    tasks = Task.objects.filter(pk__in=by_task, status__in=(TaskState.WAITING, TaskState.RUNNING))
    return {by_task[key] for key in tasks.values_list("pk", flat=True)}


def end_lost_runs() -> int:
    """Note as failed what was begun or enqueued and will never end by itself.

    Returns:
        How many there were.
    """
    settled = ScheduledRun.objects.filter(state__in=OPEN_STATES, claimed_at__lt=Now() - SETTLED_AFTER)
    # Of those in whose tasks Procrastinate has no part, as in tests, nobody can tell.
    runs = list(settled.filter(task_id__regex=r"^\d{1,18}$").order_by("pk")[:LOOKED_AT])
    alive = going_on(runs)
    return end_as_lost(run for run in runs if run.pk not in alive)


@transaction.atomic
def end_as_lost(runs: Iterable[ScheduledRun]) -> int:
    """Note these runs as failed, with the last error of their task, unless they have ended meanwhile.

    Returns:
        How many had not.
    """
    ended = 0
    for run in runs:
        outcome = TaskOutcome.objects.filter(pk=int(run.task_id)).first() if run.task_id.isdigit() else None
        told = str(outcome.errors[-1].get("traceback", "")) if outcome is not None and outcome.errors else ""
        unchanged = ScheduledRun.objects.filter(pk=run.pk, state=run.state, attempts=run.attempts)
        ended += unchanged.update(state=RunState.FAILED, finished_at=Now(), error=f"{LOST}\n\n{told}".strip())
    return ended
