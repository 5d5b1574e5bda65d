"""Models of jobs, runs and schedulers."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class ScheduledJob(models.Model):
    """A job that code registers or once registered. Its next run is in django-apscheduler's row with the same key.

    Attributes:
        id: its stable id, as given by `@scheduled`.
        trigger: as declared in the code, such as `every 60 s` or `cron 0 3 * * * Europe/Berlin`.
        paused_at: when the job was paused (UTC); since then it does not run on schedule.
        orphaned_at: when the job was orphaned (UTC); since then no code registers it.
    """

    id = models.CharField(_("job"), primary_key=True, max_length=200)
    description = models.TextField(_("what it does"), blank=True)
    trigger = models.CharField(_("when"), max_length=200)
    paused_at = models.DateTimeField(_("paused"), null=True)
    orphaned_at = models.DateTimeField(_("not in the code since"), null=True)
    registered_at = models.DateTimeField(_("registered"), db_default=Now())

    class Meta:
        verbose_name = _("scheduled job")
        verbose_name_plural = _("scheduled jobs")
        ordering = ("id",)
        default_permissions = ("view",)
        permissions = (
            ("pause_scheduledjob", _("Can pause and resume scheduled jobs")),
            ("run_scheduledjob", _("Can run scheduled jobs now")),
        )

    def __str__(self) -> str:
        return self.id


class RunState(models.TextChoices):
    """The state of a run."""

    ENQUEUED = "enqueued", _("Enqueued")
    RUNNING = "running", _("Running")
    SUCCEEDED = "succeeded", _("Succeeded")
    FAILED = "failed", _("Failed")
    SKIPPED = "skipped", _("Skipped")  # the previous run had not ended
    MISSED = "missed", _("Missed")  # no scheduler ran at its time or within its grace


OPEN_STATES = (RunState.ENQUEUED, RunState.RUNNING)


class ScheduledRun(models.Model):
    """One slot of a job, or one run requested by hand. The row is the claim: each slot has only one.

    Attributes:
        slot: the time at which the run was due (UTC).
        coalesced: number of earlier slots that were also due by then and were not run.
        requested_by: the user who requested the run; None if it ran on schedule.
        task_id: the task that runs it, or ran it last.
        attempts: how often the run was started; more than once if it failed or its worker was lost.
        error: the last traceback, without secrets, of any length.
    """

    job = models.ForeignKey(ScheduledJob, verbose_name=_("job"), on_delete=models.CASCADE, related_name="runs")
    slot = models.DateTimeField(_("due"))
    coalesced = models.PositiveIntegerField(_("coalesced slots"), default=0)
    is_manual = models.BooleanField(_("asked for"), default=False)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("by"), null=True, on_delete=models.SET_NULL, related_name="+"
    )
    state = models.CharField(_("state"), max_length=16, choices=RunState, default=RunState.ENQUEUED)
    task_id = models.CharField(_("task"), max_length=64, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    claimed_at = models.DateTimeField(_("enqueued"), db_default=Now())
    started_at = models.DateTimeField(_("started"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)
    result = models.JSONField(_("result"), null=True)
    error = models.TextField(_("error"), blank=True)

    class Meta:
        verbose_name = _("job run")
        verbose_name_plural = _("job runs")
        ordering = ("-slot", "-id")
        default_permissions = ("view",)
        indexes = (
            models.Index(fields=["job", "-slot"], name="run_job"),
            models.Index(fields=["-slot"], name="run_slot"),
            models.Index(fields=["job"], condition=Q(state__in=OPEN_STATES), name="run_open"),
        )
        constraints = (
            models.UniqueConstraint(fields=["job", "slot"], condition=Q(is_manual=False), name="run_once_per_slot"),
            models.CheckConstraint(condition=Q(state__in=RunState.values), name="run_state_known"),
        )

    def __str__(self) -> str:
        return f"{self.job_id} {self.slot:%Y-%m-%d %H:%M:%S}"


class SchedulerProcess(models.Model):
    """A running scheduler with its last heartbeat.

    Attributes:
        jobs: the jobs that its code declares, each id with its trigger.
    """

    name = models.CharField(_("process"), max_length=200, unique=True)  # host, process id and a random part
    started_at = models.DateTimeField(_("started"), db_default=Now())
    last_heartbeat = models.DateTimeField(_("last heartbeat"))
    jobs = models.JSONField(default=dict)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.name
