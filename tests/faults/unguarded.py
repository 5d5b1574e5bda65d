"""Workers and schedulers without one of their guards, the controls that show that these tests can fail; and such that
stop themselves at the worst moment, when a variable names a file: the first to make it stops.
"""

import os
import signal
import time
from pathlib import Path
from typing import Any

from django.utils import timezone
from django_apscheduler.models import DjangoJob

from keystone.background import connection, queue, rescue, upkeep
from keystone.mail.models import OutgoingMailQuerySet
from keystone.scheduling import claiming, storing
from keystone.scheduling.models import ScheduledRun

FENCE = " AND status = 'doing' AND worker_id = %(worker)s AND attempts = %(attempts)s"


def without_rescue() -> None:
    """Workers that leave the tasks of the dead alone."""

    async def leave_alone(*_: Any, **__: Any) -> int:
        return 0

    vars(upkeep)["rescue"] = leave_alone


def without_fence() -> None:
    """Workers that write the end of a task, whoever has it by then."""
    for name in ("FINISH", "FINISH_WITH_OUTCOME"):
        statement: str = getattr(queue, name)
        assert FENCE in statement
        setattr(queue, name, statement.replace(FENCE, ""))


def without_claim() -> None:
    """Schedulers that enqueue what they see to be due, as one would that is meant to be alone."""

    def enqueue_what_is_due(job_id: str) -> None:
        from keystone.scheduling.tasks import run_scheduled_job

        row = DjangoJob.objects.filter(pk=job_id, next_run_time__lte=timezone.now()).first()
        if row is None:
            return
        time.sleep(0.05)
        # The row of a run that somebody asked for claims no slot.
        run = ScheduledRun.objects.create(job_id=job_id, slot=row.next_run_time, is_manual=True)
        run_scheduled_job.enqueue(run_id=run.pk)
        job = storing.stored_job(row)
        storing.move(row, job.trigger.after(row.next_run_time))

    claiming.claim_due_slot = enqueue_what_is_due


def stopping_in_claims() -> None:
    """A worker that is stopped when it has locked the row of a mail."""
    update = OutgoingMailQuerySet.update

    def stop_and_update(self: OutgoingMailQuerySet, **values: Any) -> int:
        if values.keys() == {"claimed_until"}:
            stop_once()
        return update(self, **values)

    OutgoingMailQuerySet.update = stop_and_update  # type: ignore[method-assign,assignment]  # that is the point


def stopping_in_rescues() -> None:
    """A worker that is stopped when it has locked the row of a dead worker and its tasks."""

    async def fetch_and_stop(*args: Any) -> list[Any]:
        rows = await connection.fetch(*args)
        if rows:
            stop_once()
        return rows

    vars(rescue)["fetch"] = fetch_and_stop


def stop_once() -> None:
    """Stop this process, unless one was stopped before."""
    try:
        Path(os.environ["FAULTS_STOPPED"]).open("x").close()
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGSTOP)


WITHOUT = {
    "rescue": without_rescue,
    "fence": without_fence,
    "claim": without_claim,
    "luck in claims": stopping_in_claims,
    "luck in rescues": stopping_in_rescues,
}
