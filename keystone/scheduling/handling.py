"""Run, pause, resume and forget jobs, for administrators."""

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
    """The job has been forgotten meanwhile."""

    code = "job_gone"
    status = 404
    message = _("There is no such job any more.")


class JobOrphaned(Refusal):
    """No code registers the job, so there is nothing to run."""

    code = "job_orphaned"
    message = _("This job is not in the code any more, so it cannot run.")


class AlreadyPaused(Refusal):
    """Somebody was first."""

    code = "job_already_paused"
    message = _("This job is paused already.")


class NotPaused(Refusal):
    """The job runs by itself."""

    code = "job_not_paused"
    message = _("This job is not paused.")


class StillInCode(Refusal):
    """The job would be registered again at the next start of a scheduler."""

    code = "job_in_code"
    message = _("Only a job that is not in the code any more can be deleted. Pause it instead.")


@transaction.atomic
def pause_job(job_id: str, *, by: Actor) -> ScheduledJob:
    """Let a job no more run by itself. A run that is enqueued or goes on is not touched.

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
    """Let a paused job run by itself again, from its next slot on; what was due meanwhile is not made up for.

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
    if row is not None and stored is not None:  # else the next look of a scheduler writes one
        move(row, stored.trigger.after(timezone.now()))
    record([event("job.resumed", job, by=by)])
    return job


@transaction.atomic
def run_job_now(job_id: str, *, by: Actor) -> ScheduledRun:
    """Enqueue a run beside the schedule, also of a paused job. A worker runs it, and skips it if another goes on.

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
    """Forget a job that is not in the code any more, with its history.

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
