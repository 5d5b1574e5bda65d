"""Synchronise the table of jobs with the code.

During a rolling deployment, schedulers with older and newer code run side by side. A job is declared if any of them
declares it. It is orphaned once no live scheduler declares it, and comes back with the first one that does. If two
schedulers declare a job differently, the one that started last decides, as long as any live one declares it that way.
"""

import logging
from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone
from django_apscheduler.models import DjangoJob

from keystone.database.short_transactions import short_transaction
from keystone.scheduling import processes, storing
from keystone.scheduling.claiming import LIMITS
from keystone.scheduling.models import ScheduledJob
from keystone.scheduling.registry import Declaration, declarations

logger = logging.getLogger(__name__)

LOCK = 0x6B7363686564  # "ksched", the key of a PostgreSQL advisory lock
ORPHANED_AFTER = timedelta(minutes=5)  # a scheduler that is down for a shorter time keeps its jobs


def declared_jobs() -> dict[str, str]:
    """Return the jobs declared in the code: each id with its trigger and grace, as other schedulers compare them."""
    return {name: storing.declared_signature(declaration) for name, declaration in declarations().items()}


def register_jobs(name: str, *, starting: bool) -> None:
    """Add new jobs, update changed ones, resume those that came back, and orphan those that no scheduler declares.

    Paused jobs stay paused. A changed trigger applies from now on.

    Args:
        name: the name of the process that runs this code.
        starting: whether this process has just started, so that its code is the latest.

    Raises:
        DatabaseError: nothing was changed.
    """
    with short_transaction(**LIMITS):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        others = [process.jobs for process in processes.alive(within=ORPHANED_AFTER).exclude(name=name)]
        rows = {row.pk: row for row in ScheduledJob.objects.all()}
        stored = {row.pk: row for row in DjangoJob.objects.all()}
        for declaration in declarations().values():
            held_by_others = {jobs.get(declaration.id) for jobs in others} - {None}
            _register(
                declaration, rows.get(declaration.id), stored.get(declaration.id), held_by_others, starting=starting
            )
        for job in rows.values():
            known = job.pk in declarations() or any(job.pk in jobs for jobs in others)
            if job.orphaned_at is None and not known:
                _orphan(job)


def _register(
    declaration: Declaration,
    job: ScheduledJob | None,
    row: DjangoJob | None,
    held_by_others: set[str | None],
    *,
    starting: bool,
) -> None:
    """Register or update one job."""
    stored = None if row is None else storing.readable_job(row)
    kept = None if stored is None else stored.signature
    same_trigger = stored is not None and str(stored.trigger) == str(declaration.trigger)
    is_as_declared = kept == storing.declared_signature(declaration)
    comes_back = job is not None and job.orphaned_at is not None
    stands_still = job is not None and job.paused_at is None and (row is None or row.next_run_time is None)
    if job is not None and row is not None and not comes_back and not stands_still:
        if is_as_declared and (not starting or job.description == declaration.description):
            return
        if not starting and kept in held_by_others:
            return  # that scheduler started later than this one
    # Read the rows again with a lock: the job may just have been paused.
    values = {"description": declaration.description, "trigger": str(declaration.trigger), "orphaned_at": None}
    ScheduledJob.objects.update_or_create(pk=declaration.id, defaults=values)
    job = ScheduledJob.objects.select_for_update(no_key=True).get(pk=declaration.id)
    row = DjangoJob.objects.select_for_update().filter(pk=declaration.id).first()
    following: datetime | None = None
    if job.paused_at is None:
        keeps_its_time = row is not None and row.next_run_time is not None and same_trigger and not comes_back
        following = row.next_run_time if keeps_its_time and row else declaration.trigger.after(timezone.now())
    storing.write(declaration, following)
    if not is_as_declared or comes_back:
        logger.info("registered %s (%s)", declaration.id, declaration.trigger)


def _orphan(job: ScheduledJob) -> None:
    """Stop a job that no code declares."""
    ScheduledJob.objects.filter(pk=job.pk).update(orphaned_at=timezone.now())
    # Leave its state as it is: this code may be unable to read it.
    DjangoJob.objects.filter(pk=job.pk).update(next_run_time=None)
    logger.warning("orphaned %s: no scheduler's code declares it", job.pk)
