"""`DataRun`: what was run, by whom, with which result."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Kind(models.TextChoices):
    """The kinds of what can be run."""

    IMPORTER = "importer", _("importer")
    SEEDER = "seeder", _("seeder")
    SCRIPT = "script", _("script")
    PIPELINE = "pipeline", _("pipeline")


class State(models.TextChoices):
    """The state of a run."""

    RUNNING = "running", _("Running")
    SUCCEEDED = "succeeded", _("Succeeded")
    FAILED = "failed", _("Failed")
    INTERRUPTED = "interrupted", _("Interrupted")  # the process ended during the run


class DataRun(models.Model):
    """One run of an importer, a seeder, a script or a pipeline.

    Attributes:
        pipeline: the pipeline's run, if this is a step of one.
        step: the name of the step.
        by: who ran it, as in the audit log.
        options: its options, such as the file and the fingerprint of that file.
        rows_written: rows that were created or changed; in a trial, those that would be.
        rows_unchanged: rows that already existed with the same values.
        last_row: number of the last row of the file that was committed.
        refused_file: the file with the refused rows and the reasons.
    """

    kind = models.CharField(_("kind"), max_length=16, choices=Kind)
    name = models.CharField(_("name"), max_length=100)
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.RUNNING)
    pipeline = models.ForeignKey(
        "self", verbose_name=_("pipeline"), null=True, on_delete=models.CASCADE, related_name="steps"
    )
    step = models.CharField(_("step"), max_length=100, blank=True)
    by = models.CharField(_("by"), max_length=320)
    is_trial = models.BooleanField(_("dry run"), default=False)
    options = models.JSONField(_("options"), default=dict)
    started_at = models.DateTimeField(_("started"), db_default=Now())
    finished_at = models.DateTimeField(_("finished"), null=True)
    rows_read = models.PositiveBigIntegerField(_("rows read"), default=0)
    rows_written = models.PositiveBigIntegerField(_("rows written"), default=0)
    rows_unchanged = models.PositiveBigIntegerField(_("rows unchanged"), default=0)
    rows_refused = models.PositiveBigIntegerField(_("rows refused"), default=0)
    last_row = models.PositiveBigIntegerField(default=0)
    refused_file = models.TextField(_("refused rows"), blank=True)
    error = models.TextField(_("error"), blank=True)

    class Meta:
        verbose_name = _("import or script")
        verbose_name_plural = _("imports and scripts")
        ordering = ("-started_at", "-id")
        default_permissions = ("view",)
        indexes = (
            models.Index(fields=["-started_at", "-id"], name="datarun_started"),
            models.Index(fields=["kind", "name", "-id"], name="datarun_name"),
        )
        constraints = (
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="datarun_kind_known"),
            models.CheckConstraint(condition=Q(state__in=State.values), name="datarun_state_known"),
            models.CheckConstraint(
                condition=Q(state=State.RUNNING, finished_at=None) | ~Q(state=State.RUNNING),
                name="datarun_running_is_not_finished",
            ),
            models.UniqueConstraint(
                fields=["kind", "name"], condition=Q(state=State.RUNNING), name="datarun_runs_once_at_a_time"
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.name} {self.started_at:%Y-%m-%d %H:%M:%S}"
