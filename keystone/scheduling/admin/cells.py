"""How the admin shows runs: state colours and durations."""

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
    """Return how long a run took or has been running; empty if it has not started."""
    return between(run.started_at, run.finished_at, goes_on=run.state == RunState.RUNNING)


def waited(run: ScheduledRun) -> str:
    """Return how long after its slot a run started; empty if it has not started or was requested by hand."""
    if run.started_at is None or run.is_manual:
        return ""
    return duration_in_words(run.started_at - run.slot)


def last_run(data: dict[str, Any]) -> dict[str, Any]:
    """Prepare a run from `reading.with_schedule` for display."""
    seconds = data["seconds"]
    return {
        "state": data["state"],
        "label": RunState(data["state"]).label,
        "duration": "" if seconds is None else duration_in_words(timedelta(seconds=float(seconds))),
    }
