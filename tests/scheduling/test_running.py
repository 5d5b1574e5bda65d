"""Running a job for one slot, and what its run tells afterwards."""

import math
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from keystone.background.models import TaskOutcome
from keystone.background.retries import RetryLater
from keystone.scheduling import current_slot
from keystone.scheduling.lost_runs import LOST, end_lost_runs
from keystone.scheduling.models import RunState, ScheduledRun
from keystone.scheduling.running import NO_CODE, begin, run
from tests.background import rows
from tests.scheduling.conftest import Declare, register

pytestmark = pytest.mark.django_db
SLOT = datetime(2026, 11, 24, 3, tzinfo=UTC)


def a_run(**fields: Any) -> ScheduledRun:
    """A run of the job that is declared, enqueued unless told otherwise."""
    register()
    fields = {"job_id": "shop.tidy", "slot": SLOT, **fields}
    return ScheduledRun.objects.create(**fields)


def running_for(status: str, **fields: Any) -> ScheduledRun:
    """A run that has begun, whose task is in this state."""
    task = {"todo": rows.waiting, "doing": rows.running}.get(status, lambda: rows.ended(status))()
    started = timezone.now() - timedelta(minutes=1)
    return a_run(state=RunState.RUNNING, attempts=1, started_at=started, task_id=str(task.pk), **fields)


def after(entry: ScheduledRun) -> ScheduledRun:
    run(entry.pk)
    entry.refresh_from_db()
    return entry


def test_a_job_runs_for_its_slot_and_its_result_is_kept(declare: Declare) -> None:
    seen: list[datetime | None] = []

    def tidy() -> dict[str, Any]:
        seen.append(current_slot())
        return {"tidied": 3, "tokens": 7}

    declare(function=tidy)
    entry = after(a_run())
    assert seen == [SLOT]
    assert current_slot() is None
    assert (entry.state, entry.result, entry.error, entry.attempts) == (
        RunState.SUCCEEDED,
        {"tidied": 3, "tokens": 7},
        "",
        1,
    )
    assert entry.started_at is not None
    assert entry.finished_at is not None
    assert entry.started_at <= entry.finished_at
    run(entry.pk)
    assert len(seen) == 1


def test_a_coroutine_is_a_job_as_well(declare: Declare) -> None:
    async def tidy() -> str:
        return f"{current_slot():%H:%M}"

    declare(function=tidy)
    assert after(a_run()).result == "03:00"


@pytest.mark.parametrize(
    ("returned", "kept"),
    [
        (None, None),
        (("a", 1), ["a", 1]),
        (math.nan, "nan"),
        ({1}, "{1}"),
        ("a\x00b", "'a\\x00b'"),
        (
            {"password": "hunter2", "count": 1, "tokens": ["abc", ""]},
            {"password": "…", "count": 1, "tokens": ["…", ""]},
        ),
    ],
)
def test_whatever_a_job_returns_can_be_kept_and_holds_no_secret(declare: Declare, returned: Any, kept: Any) -> None:
    declare(function=lambda: returned)
    entry = after(a_run())
    assert (entry.state, entry.result) == (RunState.SUCCEEDED, kept)


def test_a_failure_is_kept_at_any_length_and_without_secrets(declare: Declare) -> None:
    link = "https://example.com/reset-password/" + "s3cr3t" * 8

    def tidy() -> None:
        raise RuntimeError("x" * 5_000 + f" {link}/\x00 \ud800 " + "y " * 50_000)

    declare(function=tidy)
    entry = after(a_run())
    assert entry.state == RunState.FAILED
    assert entry.error.startswith("Traceback (most recent call last):")
    assert len(entry.error) > 100_000
    assert "/reset-password/…" in entry.error
    assert "s3cr3t" not in entry.error
    assert entry.finished_at is not None


def test_a_failed_slot_is_tried_as_often_as_the_job_says(declare: Declare) -> None:
    tries: list[int] = []

    def tidy() -> int:
        tries.append(1)
        if len(tries) < 3:
            raise RuntimeError(f"no {len(tries)}")
        return len(tries)

    declare(function=tidy, max_attempts=3)
    entry = a_run()
    for number, seconds in ((1, 30), (2, 60)):
        with pytest.raises(RetryLater) as later:
            run(entry.pk)
        assert later.value.at - timezone.now() == pytest.approx(timedelta(seconds=seconds), abs=timedelta(seconds=20))
        entry.refresh_from_db()
        assert (entry.state, entry.attempts, entry.finished_at) == (RunState.ENQUEUED, number, None)
    entry = after(entry)
    assert (entry.state, entry.attempts, entry.result) == (RunState.SUCCEEDED, 3, 3)
    assert "no 2" in entry.error


def test_the_last_attempt_leaves_the_run_failed(declare: Declare) -> None:
    def tidy() -> None:
        raise RuntimeError("no")

    declare(function=tidy, max_attempts=2)
    entry = a_run(attempts=1)
    assert (after(entry).state, entry.attempts) == (RunState.FAILED, 2)


def test_a_slot_is_skipped_while_another_run_goes_on(declare: Declare) -> None:
    declare()
    other = running_for("doing", slot=SLOT - timedelta(hours=1))
    entry = after(a_run())
    assert (entry.state, entry.started_at, entry.attempts) == (RunState.SKIPPED, None, 0)
    assert entry.finished_at is not None
    other.refresh_from_db()
    assert other.state == RunState.RUNNING


def test_a_run_whose_worker_died_holds_up_the_next_only_until_it_is_settled(declare: Declare) -> None:
    declare()
    waiting = running_for("todo", slot=SLOT - timedelta(hours=1))  # its worker died, and it is rescued
    assert after(a_run()).state == RunState.SKIPPED
    lost = running_for("failed", slot=SLOT - timedelta(hours=2))
    ScheduledRun.objects.filter(pk=waiting.pk).delete()
    assert after(a_run(slot=SLOT + timedelta(hours=1))).state == RunState.SUCCEEDED
    lost.refresh_from_db()
    assert (lost.state, lost.error) == (RunState.FAILED, LOST)


def test_a_job_may_overlap_with_itself(declare: Declare) -> None:
    declare(overlap=True)
    running_for("doing", slot=SLOT - timedelta(hours=1))
    assert after(a_run()).state == RunState.SUCCEEDED


def test_a_rescued_run_is_told_as_it_was(declare: Declare) -> None:
    """Its worker was killed; another one begins it anew, and the first was only stopped and comes back later."""
    declare()
    entry = running_for("doing")
    begun = begin(entry.pk)
    assert begun is not None
    assert (begun[0].state, begun[0].attempts) == (RunState.RUNNING, 2)
    again = after(entry)
    assert (again.state, again.attempts) == (RunState.SUCCEEDED, 3)


def test_a_worker_that_comes_back_late_does_not_tell_of_a_run_that_another_one_has(declare: Declare) -> None:
    entry_key: list[int] = []

    def tidy() -> str:
        begin(entry_key[0])  # meanwhile another worker begins it
        return "late"

    declare(function=tidy)
    entry = a_run(task_id="")
    entry_key.append(entry.pk)
    entry = after(entry)
    assert (entry.state, entry.attempts, entry.result) == (RunState.RUNNING, 2, None)


def test_a_failure_that_comes_back_late_is_not_told_either(declare: Declare) -> None:
    entry_key: list[int] = []

    def tidy() -> str:
        begin(entry_key[0])
        raise RuntimeError("late")

    declare(function=tidy, max_attempts=5)
    entry = a_run()
    entry_key.append(entry.pk)
    entry = after(entry)
    assert (entry.state, entry.attempts, entry.error) == (RunState.RUNNING, 2, "")


def test_a_worker_without_the_code_leaves_the_run_to_others_for_a_while(
    declared: dict[str, Any], declare: Declare
) -> None:
    declare()
    entry = a_run()
    declared.clear()
    with pytest.raises(RetryLater):
        run(entry.pk)
    ScheduledRun.objects.update(claimed_at=timezone.now() - timedelta(hours=1))
    entry = after(entry)
    assert (entry.state, entry.error) == (RunState.FAILED, NO_CODE)


def test_a_run_that_was_pruned_or_is_over_does_nothing(declare: Declare) -> None:
    declare(function=lambda: pytest.fail("it runs"))
    run(999)
    for state in (RunState.SUCCEEDED, RunState.SKIPPED, RunState.MISSED):
        entry = a_run(state=state, is_manual=True)
        assert after(entry).state == state


def test_lost_runs_are_ended_with_the_last_word_of_their_task(declare: Declare) -> None:
    declare()
    told = running_for("failed")
    TaskOutcome.objects.create(job_id=int(told.task_id), errors=[{"traceback": "TaskTimeout: too long"}])
    silent = running_for("succeeded", slot=SLOT + timedelta(hours=1))
    alive = running_for("doing", slot=SLOT + timedelta(hours=2))
    immediate = a_run(slot=SLOT + timedelta(hours=3), task_id="abc", state=RunState.RUNNING)
    assert end_lost_runs() == 0
    ScheduledRun.objects.update(claimed_at=timezone.now() - timedelta(minutes=1))
    assert end_lost_runs() == 2
    assert end_lost_runs() == 0
    states = dict(ScheduledRun.objects.values_list("pk", "state"))
    assert states == {told.pk: "failed", silent.pk: "failed", alive.pk: "running", immediate.pk: "running"}
    told.refresh_from_db()
    assert told.error == f"{LOST}\n\nTaskTimeout: too long"


def test_a_dead_letter_that_is_tried_again_runs(declare: Declare) -> None:
    declare()
    entry = a_run(state=RunState.FAILED, attempts=1)
    assert (after(entry).state, entry.attempts) == (RunState.SUCCEEDED, 2)


@pytest.mark.django_db(transaction=True)
def test_a_job_that_loses_its_connection_is_told_of_all_the_same(declare: Declare) -> None:
    def tidy() -> str:
        with suppress(OperationalError), connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return "done"

    declare(function=tidy)
    assert after(a_run()).result == "done"


@pytest.mark.django_db(transaction=True)
def test_while_the_database_is_away_a_run_waits_for_it(declare: Declare, monkeypatch: pytest.MonkeyPatch) -> None:
    """Away is here a row that somebody else holds, for longer than this connection waits."""
    other = psycopg.connect(**{**connection.get_connection_params(), "cursor_factory": None})
    entries: list[int] = []

    def tidy() -> None:
        other.execute("SELECT FROM keystone_scheduledrun WHERE id = %s FOR UPDATE", entries)

    declare(function=tidy)
    entry = a_run()
    entries.append(entry.pk)
    connection.close()
    options = {**connection.settings_dict["OPTIONS"], "options": "-c lock_timeout=50ms"}
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", options)
    other.execute("SELECT FROM keystone_scheduledjob FOR UPDATE")
    with pytest.raises(RetryLater):
        run(entry.pk)
    entry.refresh_from_db()
    assert entry.state == RunState.ENQUEUED
    other.rollback()
    with pytest.raises(RetryLater):
        run(entry.pk)
    other.close()
    connection.close()
    entry.refresh_from_db()
    assert (entry.state, entry.attempts) == (RunState.RUNNING, 1)
