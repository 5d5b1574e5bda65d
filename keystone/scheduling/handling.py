"""Run, pause, resume and delete jobs, for administrators."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_apscheduler.models import DjangoJob

from keystone.actors.acting import lock_actor
from keystone.actors.actor import Actor
from keystone.audit.log import event, record
from keystone.exceptions import Refusal
from keystone.scheduling.models import ScheduledJob, ScheduledRun
from keystone.scheduling.storing import move, readable_job
from keystone.scheduling.tasks import enqueue_run


class NoSuchJob(Refusal):
    """The job has been deleted in the meantime."""

    code = "job_gone"
    status = 404
    message = _("This job no longer exists.")


class JobOrphaned(Refusal):
    """The job is no longer in the code, so there is nothing to run."""

    code = "job_orphaned"
    message = _("This job is no longer in the code, so it cannot run.")


class AlreadyPaused(Refusal):
    """The job is already paused."""

    code = "job_already_paused"
    message = _("This job is already paused.")


class NotPaused(Refusal):
    """The job is not paused."""

    code = "job_not_paused"
    message = _("This job is not paused.")


class StillInCode(Refusal):
    """The job is still in the code, so the next scheduler to start would register it again."""

    code = "job_in_code"
    message = _("Only a job that is no longer in the code can be deleted. Pause it instead.")


@transaction.atomic
def pause_job(job_id: str, *, by: Actor) -> ScheduledJob:
    """Stop running a job on schedule. Runs that are enqueued or in progress are not affected.

    Raises:
        NoSuchJob, JobOrphaned, AlreadyPaused: nothing was changed.
    """
    job = _locked(job_id, by)
    if job.paused_at is not None:
        raise AlreadyPaused
    job.paused_at = timezone.now()
    job.save(update_fields=("paused_at",))
    DjangoJob.objects.filter(pk=job_id).update(next_run_time=None)
    record([event("job.paused", job, by=by)])
    return job


@transaction.atomic
def resume_job(job_id: str, *, by: Actor) -> ScheduledJob:
    """Run a paused job on schedule again, starting with its next slot. Slots missed meanwhile are not made up for.

    Raises:
        NoSuchJob, JobOrphaned, NotPaused: nothing was changed.
    """
    job = _locked(job_id, by)
    if job.paused_at is None:
        raise NotPaused
    job.paused_at = None
    job.save(update_fields=("paused_at",))
    row = DjangoJob.objects.select_for_update().filter(pk=job_id).first()
    stored = None if row is None else readable_job(row)
    if row is not None and stored is not None:  # otherwise a scheduler writes one at its next check
        move(row, stored.trigger.after(timezone.now()))
    record([event("job.resumed", job, by=by)])
    return job


@transaction.atomic
def run_job_now(job_id: str, *, by: Actor) -> ScheduledRun:
    """Enqueue a run outside the schedule, even of a paused job.

    A worker runs it, or skips it if another run is in progress and the job does not allow overlap.

    Raises:
        NoSuchJob, JobOrphaned: nothing was enqueued.
    """
    job = _locked(job_id, by)
    run = ScheduledRun.objects.create(job=job, slot=timezone.now(), is_manual=True, requested_by=by.user)
    record([event("job.run_requested", job, by=by)])
    enqueue_run(run)
    return run


@transaction.atomic
def delete_orphan(job_id: str, *, by: Actor) -> None:
    """Delete a job that is no longer in the code, with its history.

    Raises:
        NoSuchJob, StillInCode: nothing was deleted.
    """
    job = _locked(job_id, by, may_be_orphaned=True)
    if job.orphaned_at is None:
        raise StillInCode
    record([event("job.deleted", job, by=by, changes={"runs": [job.runs.count(), 0]})])
    DjangoJob.objects.filter(pk=job_id).delete()
    job.delete()


def _locked(job_id: str, by: Actor, *, may_be_orphaned: bool = False) -> ScheduledJob:
    lock_actor(by)
    job = ScheduledJob.objects.select_for_update(no_key=True).filter(pk=job_id).first()
    if job is None:
        raise NoSuchJob
    if not may_be_orphaned and job.orphaned_at is not None:
        raise JobOrphaned
    return job
