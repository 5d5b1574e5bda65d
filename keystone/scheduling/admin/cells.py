"""How runs are shown: colours of states, durations."""

from datetime import timedelta
from typing import Any

from keystone.background.admin.wording import between, duration_in_words
from keystone.scheduling.models import RunState, ScheduledRun

STATE_COLOURS = {
    RunState.ENQUEUED.value: "info",
    RunState.RUNNING.value: "primary",
    RunState.SUCCEEDED.value: "success",
    RunState.FAILED.value: "danger",
    RunState.SKIPPED.value: "default",
    RunState.MISSED.value: "warning",
}


def lasted(run: ScheduledRun) -> str:
    """How long a run took, or has taken until now; empty where it has not begun."""
    return between(run.started_at, run.finished_at, goes_on=run.state == RunState.RUNNING)


def waited(run: ScheduledRun) -> str:
    """How long after its time a run began; empty where it has not, or where somebody asked for it."""
    if run.started_at is None or run.is_manual:
        return ""
    return duration_in_words(run.started_at - run.slot)


def last_run(data: dict[str, Any]) -> dict[str, Any]:
    """A run of `reading.with_schedule`, as it is shown."""
    seconds = data["seconds"]
    return {
        "state": data["state"],
        "label": RunState(data["state"]).label,
        "duration": "" if seconds is None else duration_in_words(timedelta(seconds=float(seconds))),
    }
