"""The background tasks of mail, and waking up a worker for the outbox."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.tasks import TaskContext
from django.utils import timezone

from keystone.background.declaring import task
from keystone.background.results import was_rescued
from keystone.mail.claims import BATCH_SIZE, IDLE, claim_due, moments_to_come
from keystone.mail.delivery import BATCH_SECONDS, deliver
from keystone.mail.events import note

QUEUE = "mail"
SECOND_LOOK = timedelta(minutes=1)


# A mail's attempts are counted in its row. The task's attempts are for a database that was unavailable meanwhile.
@task(queue_name=QUEUE, max_attempts=10, timeout=BATCH_SECONDS + 110, takes_context=True)
def deliver_mails(context: "TaskContext[Any, Any]") -> None:
    """Send a batch of the mails that are due."""
    claims = claim_due()
    if len(claims) == BATCH_SIZE:  # there may be more, which another task can send meanwhile
        wake_up()
    moments = deliver(claims)
    if context.attempt > 1 or was_rescued(context.task_result.id):
        # A worker that was lost may have claimed mails, or been about to, and knew of retries to come.
        moments |= {timezone.now() + IDLE, *moments_to_come()}
    for moment in sorted(moments):
        wake_up(at=moment)


def wake_up(*, at: datetime | None = None) -> None:
    """Enqueue a task that sends the due mails, once per transaction.

    Args:
        at: (UTC) the earliest time to run it; None for now.
    """
    with transaction.atomic(savepoint=False):
        if _has_woken_up(at):
            return
        task = deliver_mails if at is None else deliver_mails.using(run_after=at)
        task.enqueue()  # type: ignore[call-arg]  # the worker passes the context
        transaction.on_commit(_WokenUp(at))


@dataclass
class _WokenUp:
    """A mark that the open transaction has woken up a worker. A rollback of the savepoint removes it, like the task."""

    at: datetime | None
    is_over: bool = False

    def __call__(self) -> None:
        self.is_over = True


def _has_woken_up(at: datetime | None) -> bool:
    connection = transaction.get_connection()
    here = {*connection.savepoint_ids} - {None}
    marks = (mark for savepoints, mark, _is_robust in connection.run_on_commit if savepoints - {None} == here)
    return any(isinstance(mark, _WokenUp) and mark.at == at and not mark.is_over for mark in marks)


@task(queue_name=QUEUE)
def note_event(
    *, kind: str, provider_id: str, recipient: str, cause: str, said: str, is_second_look: bool = False
) -> None:
    """Record a delivery event. If its mail isn't found yet, try once more after a minute."""
    event = {"kind": kind, "provider_id": provider_id, "recipient": recipient, "cause": cause, "said": said}
    if not note(**event) and not is_second_look:
        note_event.using(run_after=timezone.now() + SECOND_LOOK).enqueue(**event, is_second_look=True)
