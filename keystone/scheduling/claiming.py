"""Claim slots: the first scheduler to write a slot's row enqueues its run."""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.db.models.functions import Now
from django_apscheduler.models import DjangoJob

from keystone.database.short_transactions import short_transaction
from keystone.scheduling.models import RunState, ScheduledRun
from keystone.scheduling.storing import move, stored_job
from keystone.scheduling.tasks import enqueue_run
from keystone.scheduling.triggers import Trigger

logger = logging.getLogger(__name__)

LIMITS = {
    "idle_in_transaction_session_timeout": "2s",  # then PostgreSQL rolls back, and another scheduler takes over
    "lock_timeout": "2s",
    "statement_timeout": "10s",
}
COUNTED = 1_000  # the limit when counting slots that were not run


def claim_due_slot(job_id: str) -> ScheduledRun | None:
    """Create the run of a job's newest due slot, enqueue its task and move the job to its next slot, all or nothing.

    A slot that is later than the job's grace is recorded as missed and not enqueued.

    This is the function of every job in APScheduler's table. It decides what is due with the row locked and by the
    database's clock, so it does not matter how outdated the scheduler's own view is.

    Returns:
        The run; None if nothing is due, or if another scheduler has claimed the slot or is claiming it.

    Raises:
        DatabaseError: nothing was changed; the next round tries again.
    """
    with short_transaction(**LIMITS):
        due: Any = DjangoJob.objects.filter(pk=job_id, next_run_time__lte=Now()).annotate(moment=Now())
        row = due.select_for_update(skip_locked=True).first()
        if row is None:
            return None
        job = stored_job(row)
        slot, coalesced = due_slot(job.trigger, row.next_run_time, row.moment)
        move(row, job.trigger.after(slot))
        if ScheduledRun.objects.filter(job_id=job_id, slot=slot, is_manual=False).exists():
            return None
        run = ScheduledRun(job_id=job_id, slot=slot, coalesced=coalesced)
        grace = job.misfire_grace_time
        if grace is not None and row.moment - slot > timedelta(seconds=grace):
            run.state, run.finished_at = RunState.MISSED, row.moment
            run.save(force_insert=True)
            logger.warning("missed %s of %s: it is later than its grace of %s s", slot, job_id, grace)
            return run
        run.save(force_insert=True)
        enqueue_run(run)
    logger.info("enqueued %s of %s", slot, job_id)
    return run


def due_slot(trigger: Trigger, first: datetime, moment: datetime) -> tuple[datetime, int]:
    """Return the newest due slot, and the number of earlier slots since `first` that it replaces.

    Args:
        trigger: the trigger of the job.
        first: the slot that the job is waiting for (UTC).
        moment: the current time (UTC).

    Returns:
        The slot (UTC), and the number, counted up to 1,000.
    """
    newest = trigger.newest(moment)
    if newest is None or newest <= first:
        return first, 0
    passed, slot = 0, first
    while passed < COUNTED and slot < newest:
        following = trigger.after(slot)
        if following is None:
            break
        passed, slot = passed + 1, following
    return newest, passed
