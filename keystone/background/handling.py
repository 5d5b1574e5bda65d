"""Retry, cancel and discard tasks, for administrators.

Workers take rows with `FOR UPDATE SKIP LOCKED`. Each function here locks its rows before checking them, so a task is
either changed before a worker sees it, or checked in the state that the worker left it in.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from procrastinate.contrib.django.models import ProcrastinateEvent

from keystone.actors.acting import lock_actor
from keystone.actors.actor import Actor
from keystone.audit.log import event, record
from keystone.background.models import Task, TaskOutcome
from keystone.background.queue import NOTIFY, wake_arguments
from keystone.background.states import ENDED, TaskState
from keystone.exceptions import Refusal


class NotRetriable(Refusal):
    """The task is waiting or running, or has succeeded."""

    code = "task_not_retriable"
    message = _("Only a failed, cancelled or aborted task can be retried.")


class NotCancellable(Refusal):
    """The task has already ended."""

    code = "task_not_cancellable"
    message = _("Only a waiting or running task can be cancelled.")


class AlreadyStopping(Refusal):
    """The task has already been asked to stop."""

    code = "task_already_stopping"
    message = _("The task has already been asked to stop.")


class NotDiscardable(Refusal):
    """The task has not failed."""

    code = "task_not_discardable"
    message = _("Only a failed task can be discarded.")


@dataclass
class Handled:
    """The result of an operation: the tasks it was applied to, those that refused it and why, and the missing keys."""

    done: list[Task] = field(default_factory=list)
    refused: list[tuple[Task, Refusal]] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)


@transaction.atomic
def retry_tasks(ids: Collection[int], *, by: Actor) -> Handled:
    """Run failed, cancelled or aborted tasks again at once, with all their attempts.

    Their earlier errors are kept.

    Args:
        ids: the keys of the tasks.
        by: the actor, recorded in the audit log.
    """
    handled = _judged(ids, by, lambda task: None if task.status in ENDED else NotRetriable())
    _write(handled.done, status=TaskState.WAITING, attempts=0, abort_requested=False, scheduled_at=Now(), worker=None)
    TaskOutcome.objects.filter(pk__in=[task.pk for task in handled.done]).update(rescues=0)
    # Procrastinate itself only records the retry of failed tasks.
    _note("retried", [task for task in handled.done if task.status != TaskState.FAILED])
    _wake(handled.done)
    _record("task.retried", handled.done, TaskState.WAITING, by=by)
    return handled


@transaction.atomic
def cancel_tasks(ids: Collection[int], *, by: Actor) -> Handled:
    """Cancel waiting tasks, and ask running tasks to stop.

    A running coroutine is cancelled at its next await, a function is interrupted at its next step in Python. A task
    that cannot be interrupted runs to its end.

    Args:
        ids: the keys of the tasks.
        by: the actor, recorded in the audit log.
    """
    handled = _judged(ids, by, _refusal_to_cancel)
    waiting = [task for task in handled.done if task.status == TaskState.WAITING]
    running = [task for task in handled.done if task.status == TaskState.RUNNING]
    _write(waiting, status=TaskState.CANCELLED)
    _write(running, abort_requested=True)  # a trigger notifies the worker
    _record("task.cancelled", waiting, TaskState.CANCELLED, by=by)
    _record("task.stop_requested", running, TaskState.RUNNING, by=by)
    return handled


@transaction.atomic
def discard_tasks(ids: Collection[int], *, by: Actor) -> Handled:
    """Cancel failed tasks that are not to be retried.

    They are not deleted: until they are pruned, they can still be retried if this was a mistake.

    Args:
        ids: the keys of the tasks.
        by: the actor, recorded in the audit log, which keeps the names and keys.
    """
    handled = _judged(ids, by, lambda task: None if task.status == TaskState.FAILED else NotDiscardable())
    _write(handled.done, status=TaskState.CANCELLED)
    _note("cancelled", handled.done)  # so that pruning counts from now
    _record("task.discarded", handled.done, TaskState.CANCELLED, by=by)
    return handled


def _refusal_to_cancel(task: Task) -> Refusal | None:
    if task.status not in {TaskState.WAITING, TaskState.RUNNING}:
        return NotCancellable()
    return AlreadyStopping() if task.abort_requested else None


def _judged(ids: Collection[int], by: Actor, judge: Callable[[Task], Refusal | None]) -> Handled:
    """Lock the rows in the order of their keys, and separate those that refuse."""
    lock_actor(by)
    tasks = list(Task.objects.filter(pk__in=ids).order_by("pk").select_for_update(no_key=True))
    found = {task.pk for task in tasks}
    handled = Handled(missing=[key for key in dict.fromkeys(ids) if key not in found])
    for task in tasks:
        refusal = judge(task)
        if refusal is None:
            handled.done.append(task)
        else:
            handled.refused.append((task, refusal))
    return handled


def _write(tasks: list[Task], **values: object) -> None:
    # Procrastinate's manager refuses to write, its queryset does not.
    Task.objects.filter(pk__in=[task.pk for task in tasks]).update(**values)


def _note(kind: str, tasks: list[Task]) -> None:
    """Add events that Procrastinate's triggers do not write."""
    ProcrastinateEvent.objects.all().bulk_create(
        ProcrastinateEvent(job_id=task.pk, type=kind, at=Now()) for task in tasks
    )


def _wake(tasks: list[Task]) -> None:
    """Notify the workers on commit; otherwise they would only notice at their next poll."""
    if not tasks:
        return
    with connection.cursor() as cursor:
        cursor.execute(NOTIFY, wake_arguments({task.queue_name for task in tasks}))


def _record(action: str, tasks: list[Task], state: TaskState, *, by: Actor) -> None:
    record(
        event(action, task, by=by, changes={"state": [TaskState(task.status).name.lower(), state.name.lower()]})
        for task in tasks
    )
