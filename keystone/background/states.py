"""The states of a task, as Procrastinate names them."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class TaskState(models.TextChoices):
    """The state of a task.

    A failed task has used up its attempts. It is a dead letter, kept until an administrator decides.
    """

    WAITING = "todo", _("Waiting")
    RUNNING = "doing", _("Running")
    SUCCEEDED = "succeeded", _("Succeeded")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")
    ABORTED = "aborted", _("Aborted")


ENDED = (TaskState.FAILED, TaskState.CANCELLED, TaskState.ABORTED)  # can be retried
OVER = (TaskState.SUCCEEDED, TaskState.CANCELLED, TaskState.ABORTED)  # can be deleted
EVENTS = {
    "deferred": _("Enqueued"),
    "scheduled": _("Scheduled for"),
    "started": _("Started"),
    "deferred_for_retry": _("Requeued"),
    "failed": _("Failed"),
    "succeeded": _("Succeeded"),
    "cancelled": _("Cancelled"),
    "abort_requested": _("Asked to stop"),
    "aborted": _("Stopped"),
    "retried": _("Retried manually"),
}
