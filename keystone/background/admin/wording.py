"""How the admin shows tasks: state colours, and durations in words."""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from keystone.background.states import TaskState

STATE_COLOURS = {
    TaskState.WAITING.value: "info",
    TaskState.RUNNING.value: "primary",
    TaskState.SUCCEEDED.value: "success",
    TaskState.FAILED.value: "danger",
    TaskState.CANCELLED.value: "default",
    TaskState.ABORTED.value: "warning",
}


def lasted(task: Any) -> str:
    """Return how long the last attempt took or has been running; empty if it has not begun.

    Args:
        task: a task with its times (see `add_times`).
    """
    return between(task.started_at, task.finished_at, goes_on=task.status == TaskState.RUNNING)


def between(started_at: datetime | None, finished_at: datetime | None, *, goes_on: bool) -> str:
    """Return the time between start and end, or until now if it is still running; empty if a time is missing."""
    end = timezone.now() if finished_at is None and goes_on else finished_at
    return "" if started_at is None or end is None else duration_in_words(end - started_at)


def duration_in_words(duration: timedelta) -> str:
    """Return a duration in a suitable unit."""
    seconds = max(duration.total_seconds(), 0)
    if seconds < 1:
        return _("%(count)d ms") % {"count": round(seconds * 1000)}
    if seconds < 60:
        return _("%(count).1f s") % {"count": seconds}
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return _("%(minutes)d min %(seconds)d s") % {"minutes": minutes, "seconds": rest}
    hours, minutes = divmod(minutes, 60)
    return _("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": minutes}
