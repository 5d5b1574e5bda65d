"""Models that add task outcomes and workers to Procrastinate's tables."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from procrastinate.contrib.django.models import ProcrastinateJob


class Task(ProcrastinateJob):
    """A task in Procrastinate's queue. Use this model to read; only `background.handling` changes tasks."""

    class Meta:
        proxy = True
        verbose_name = _("background task")
        verbose_name_plural = _("background tasks")
        default_permissions = ("view",)
        permissions = (("handle_task", _("Can retry, cancel and discard tasks")),)

    def __str__(self) -> str:
        """Return the short name and the key, but not the arguments, which may be confidential."""
        return f"{self.short_name} #{self.pk}"

    @property
    def short_name(self) -> str:
        """The name of the function without its module."""
        return self.task_name.rpartition(".")[2]


class TaskOutcome(models.Model):
    """The outcome of a task, stored once it has returned a value or failed; most tasks have none.

    Attributes:
        job_id: the key of Procrastinate's row; this row exists as long as that one.
        return_value: what the function returned.
        errors: newest last, each `{"at", "class", "traceback", "worker"}`, without secrets.
        rescues: how often the worker that ran the task was lost.
    """

    job_id = models.BigIntegerField(primary_key=True)
    return_value = models.JSONField(null=True)
    errors = models.JSONField(default=list)
    rescues = models.PositiveSmallIntegerField(default=0)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.job_id)


class WorkerProcess(models.Model):
    """A running worker. Its heartbeat is in Procrastinate's row with the same key."""

    worker_id = models.BigIntegerField(primary_key=True)
    name = models.CharField(_("process"), max_length=200)  # host and process id
    queues = models.JSONField(_("queues"), default=list)  # empty: all
    concurrency = models.PositiveSmallIntegerField(_("at once"))
    started_at = models.DateTimeField(_("started"), db_default=Now())

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.name
