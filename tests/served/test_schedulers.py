"""Schedulers as processes: one stopped in a claim, a database that restarts, an end in order. See also `faults`."""

import signal
import time
from typing import Any

import pytest
from django.db import connection
from django_apscheduler.models import DjangoJob

from keystone.actors.actor import Actor
from keystone.scheduling.handling import run_job_now
from keystone.scheduling.models import RunState, ScheduledJob, ScheduledRun, SchedulerProcess
from keystone.scheduling.processes import alive
from tests.measures import Measured
from tests.served.conftest import QUICK, Manage
from tests.served.process import ManagedProcess, until

pytestmark = pytest.mark.django_db(transaction=True)
TICKING = {"environment": {"TEST_APPS": "tests.scheduling.ticking"}}


def ticks() -> list[ScheduledRun]:
    return list(ScheduledRun.objects.filter(job="ticking.tick").order_by("slot"))


def ticks_on(scheduler: ManagedProcess, *, seconds: float = 30) -> float:
    """Wait for another slot, and give the seconds that it took."""
    before = len(ticks())
    return until(lambda: len(ticks()) > before, seconds=seconds, alive=scheduler)


def test_a_scheduler_ends_in_order(manage: Manage) -> None:
    scheduler = manage("scheduler", **TICKING)
    row = SchedulerProcess.objects.get()
    assert row.name.split(":")[1] == str(scheduler.process.pid)
    assert row.jobs["ticking.tick"] == "every 1 s"
    begun = time.monotonic()
    assert scheduler.terminate() == 0
    assert time.monotonic() - begun < 30
    assert not SchedulerProcess.objects.exists()
    assert not scheduler.health_file.exists()
    assert "has ended" in scheduler.said


def test_a_scheduler_outlives_its_connections(manage: Manage, measured: Measured) -> None:
    """As when PostgreSQL restarts: every connection is cut, again and again."""
    scheduler = manage("scheduler", **TICKING)
    ticks_on(scheduler)
    for _time in range(3):
        _cut_others()
        time.sleep(0.3)
    seconds = ticks_on(scheduler)
    measured(f"a scheduler whose connections were cut enqueued the next slot after {seconds:.1f} s")
    assert scheduler.is_running
    runs = ticks()
    assert len({run.slot for run in runs}) == len(runs)


def test_a_scheduler_that_is_stopped_in_a_claim_holds_nobody_up(manage: Manage) -> None:
    """Its locks go with its transaction: PostgreSQL ends one that is idle for two seconds."""
    first, second = manage("scheduler", **TICKING), manage("scheduler", **TICKING)
    until(lambda: alive().count() == 2)
    for _time in range(6):
        first.send(signal.SIGSTOP)
        time.sleep(0.4)
        first.send(signal.SIGCONT)
        time.sleep(0.05)
    first.send(signal.SIGSTOP)
    for _time in range(3):
        assert ticks_on(second, seconds=15) < 5
    first.kill()


def test_what_the_admin_changes_is_noticed_and_what_left_the_code_is_orphaned(manage: Manage) -> None:
    scheduler = manage("scheduler", **TICKING)
    ticks_on(scheduler)
    DjangoJob.objects.filter(pk="ticking.tick").update(next_run_time=None)
    ScheduledJob.objects.filter(pk="ticking.tick").update(paused_at="2026-01-01T00:00Z")
    time.sleep(1)
    number = len(ticks())
    time.sleep(3)
    assert len(ticks()) == number
    assert scheduler.terminate() == 0
    plain = manage("scheduler")
    until(lambda: ScheduledJob.objects.get(pk="ticking.tick").orphaned_at is not None, alive=plain)
    assert plain.terminate() == 0


@pytest.mark.usefixtures("queue")
def test_a_worker_runs_what_a_scheduler_enqueues(manage: Manage) -> None:
    scheduler = manage("scheduler", **TICKING)
    worker = manage("worker", *QUICK, **TICKING)
    until(lambda: ScheduledRun.objects.filter(job="ticking.tick", state=RunState.SUCCEEDED).count() >= 3, alive=worker)
    run: Any = ScheduledRun.objects.filter(state=RunState.SUCCEEDED).first()
    assert (run.attempts, run.error) == (1, "")
    assert scheduler.terminate() == 0


@pytest.mark.usefixtures("queue")
def test_a_run_whose_worker_is_killed_runs_again_and_says_so(manage: Manage, measured: Measured) -> None:
    assert manage("scheduler", **TICKING).terminate() == 0  # it has registered the jobs
    first = manage("worker", *QUICK, **TICKING)
    run = run_job_now("ticking.dawdle", by=Actor.system())
    until(lambda: _state(run) == (RunState.RUNNING, 1), alive=first)
    first.kill()
    second = manage("worker", *QUICK, **TICKING)
    seconds = until(lambda: _state(run) == (RunState.SUCCEEDED, 2), alive=second)
    run.refresh_from_db()
    assert run.result == "done"
    measured(f"a run whose worker was killed was done {seconds:.1f} s after the next one began, 2 s of them its own")


@pytest.mark.usefixtures("queue")
def test_a_run_whose_worker_ends_in_order_is_left_to_the_next(manage: Manage) -> None:
    assert manage("scheduler", **TICKING).terminate() == 0
    first = manage("worker", *QUICK, "--shutdown-timeout", "0", **TICKING)
    run = run_job_now("ticking.dawdle", by=Actor.system())
    until(lambda: _state(run) == (RunState.RUNNING, 1), alive=first)
    assert first.terminate() == 0
    second = manage("worker", *QUICK, **TICKING)
    until(lambda: _state(run) == (RunState.SUCCEEDED, 2), alive=second)


def _state(run: ScheduledRun) -> tuple[str, int]:
    return ScheduledRun.objects.values_list("state", "attempts").get(pk=run.pk)


def _cut_others() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
