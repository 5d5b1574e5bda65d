"""Models beside Procrastinate's tables: results of tasks, and workers."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from procrastinate.contrib.django.models import ProcrastinateJob


class Task(ProcrastinateJob):
    """A task, as Procrastinate queues it; read here, and changed by the functions of `background.handling` only."""

    class Meta:
        proxy = True
        verbose_name = _("background task")
        verbose_name_plural = _("background tasks")
        default_permissions = ("view",)
        permissions = (("handle_task", _("Can retry, cancel and discard tasks")),)

    def __str__(self) -> str:
        """The name without the modules, and the key; never the arguments, which may hold what nobody should read."""
        return f"{self.short_name} #{self.pk}"

    @property
    def short_name(self) -> str:
        """The name of the function, without its modules."""
        return self.task_name.rpartition(".")[2]


class TaskOutcome(models.Model):
    """What came of a task: one row once it has returned something or failed; most tasks never have one.

    Attributes:
        job_id: the key of Procrastinate's row, whose life this row shares.
        return_value: what the function returned.
        errors: the newest last, each `{"at", "class", "traceback"}`, without secrets.
        rescues: how often the worker that ran it went away.
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
    """A running worker. Its heartbeat is in Procrastinate's row of the same key."""

    worker_id = models.BigIntegerField(primary_key=True)
    name = models.CharField(_("process"), max_length=200)  # host and process id
    queues = models.JSONField(_("queues"), default=list)  # empty: all
    concurrency = models.PositiveSmallIntegerField(_("at once"))
    started_at = models.DateTimeField(_("started"), db_default=Now())

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.name
