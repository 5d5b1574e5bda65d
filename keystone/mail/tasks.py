"""The background tasks of mail, and waking a worker up for the outbox."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.tasks import TaskContext
from django.utils import timezone

from keystone.background.declaring import task
from keystone.mail.claims import BATCH_SIZE, LEASE, claim_due
from keystone.mail.delivery import BATCH_SECONDS, deliver
from keystone.mail.events import note

QUEUE = "mail"
SECOND_LOOK = timedelta(minutes=1)


# A mail's own attempts are counted in its row: what this one's are for is a database that went away meanwhile.
@task(queue_name=QUEUE, max_attempts=10, timeout=BATCH_SECONDS + 110, takes_context=True)
def deliver_mails(context: "TaskContext[Any, Any]") -> None:
    """Send a batch of the mails that are due."""
    claims = claim_due()
    if len(claims) == BATCH_SIZE:  # there may be more, which another one can send meanwhile
        wake_up()
    again_at = deliver(claims).again_at
    if again_at is not None:
        wake_up(at=again_at)
    if context.attempt > 1:  # the worker of the first attempt may have had mails, which are free by then
        wake_up(at=timezone.now() + LEASE)


def wake_up(*, at: datetime | None = None) -> None:
    """Have a worker send what is due in the outbox, once per transaction.

    Args:
        at: (UTC) not before then; None for at once.
    """
    with transaction.atomic(savepoint=False):
        if _has_woken_up(at):
            return
        task = deliver_mails if at is None else deliver_mails.using(run_after=at)
        task.enqueue()  # type: ignore[call-arg]  # the context is the worker's
        transaction.on_commit(_WokenUp(at))


@dataclass
class _WokenUp:
    """A mark that the open transaction has woken a worker up. It goes with the savepoint, as the task does."""

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
    """Note what the provider tells of a mail; where there is none yet, look once more a little later."""
    event = {"kind": kind, "provider_id": provider_id, "recipient": recipient, "cause": cause, "said": said}
    if not note(**event) and not is_second_look:
        note_event.using(run_after=timezone.now() + SECOND_LOOK).enqueue(**event, is_second_look=True)
