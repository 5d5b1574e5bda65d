"""The loop of a scheduler, and the executor that claims."""

import logging
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError, connection
from django_apscheduler.models import DjangoJob

from keystone.scheduling import storing
from keystone.scheduling.models import ScheduledRun, SchedulerProcess
from keystone.scheduling.scheduler import ClaimingExecutor, SlotScheduler, back_off
from keystone.scheduling.storing import StoredJob
from tests.scheduling.conftest import Declare, due, next_run, register

pytestmark = pytest.mark.django_db(transaction=True)


def ends_after(scheduler: SlotScheduler, seconds: float) -> threading.Timer:
    timer = threading.Timer(seconds, scheduler.stop)
    timer.start()
    return timer


def test_a_scheduler_registers_claims_and_leaves_nothing_behind(declare: Declare, tmp_path: Path) -> None:
    declaration = declare(overlap=True)
    slot = due(declaration, ago=timedelta(0))
    health = tmp_path / "ready"
    scheduler = SlotScheduler(health_file=health)
    timer = ends_after(scheduler, 1)
    scheduler.run()
    timer.join()
    run = ScheduledRun.objects.get(slot=slot)
    assert run.state == "succeeded"
    assert next_run() != slot
    assert not SchedulerProcess.objects.filter(name=scheduler.name).exists()
    assert not health.exists()


def test_a_scheduler_that_cannot_read_its_tables_waits_for_them(
    declare: Declare, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    declare()
    health = tmp_path / "ready"
    health.touch()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE keystone_schedulerprocess RENAME TO hidden")
    try:
        scheduler = SlotScheduler(health_file=health)
        scheduler.start()
        assert scheduler._round() == 1
        assert scheduler._round() == 2
        assert not health.exists()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE hidden RENAME TO keystone_schedulerprocess")
    assert scheduler._round() <= 2
    assert health.exists()
    assert "waiting for the database" in caplog.text
    assert "the database answers again" in caplog.text
    scheduler.shutdown()
    scheduler._end()


def test_a_round_that_fails_for_another_reason_is_told_and_is_not_the_last(
    declare: Declare, caplog: pytest.LogCaptureFixture
) -> None:
    declare()
    scheduler = SlotScheduler()
    scheduler.start()
    scheduler._jobs = {"x": object()}  # type: ignore[dict-item]  # what no table takes
    assert scheduler._round() == 1
    assert "a round of the scheduler failed" in caplog.text
    scheduler._end()


def test_waiting_takes_longer_with_each_failure() -> None:
    assert [back_off(failures) for failures in range(1, 7)] == [1, 2, 4, 8, 10, 10]
    assert back_off(10_000) == 10


class Failing:
    """A job whose claim fails."""

    id = "shop.tidy"
    args = ("shop.tidy",)
    kwargs: dict[str, Any] = {}

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.calls = 0

    def func(self, job_id: str) -> None:
        self.calls += 1
        raise self.error


@pytest.mark.parametrize(
    ("error", "level"), [(OperationalError("gone\naway"), logging.WARNING), (RuntimeError("odd"), logging.ERROR)]
)
def test_a_claim_that_fails_is_put_off(error: Exception, level: int, caplog: pytest.LogCaptureFixture) -> None:
    executor, job = ClaimingExecutor(), Failing(error)
    executor.submit_job(job, [])
    executor.submit_job(job, [])
    assert job.calls == 1
    [record] = caplog.records
    assert record.levelno == level
    assert record.getMessage().startswith("could not claim a slot of shop.tidy, trying again")


def test_a_claim_that_works_again_is_not_put_off(declare: Declare) -> None:
    due(declare(), ago=timedelta(0))
    executor = ClaimingExecutor()
    executor._failures["shop.tidy"], executor._not_before["shop.tidy"] = 3, 0
    job: StoredJob = storing.stored_job(DjangoJob.objects.get())
    executor.submit_job(job, job._get_run_times(job.next_run_time))
    assert ScheduledRun.objects.count() == 1
    assert not executor._failures
    executor._do_submit_job(job, [])
    assert ScheduledRun.objects.count() == 1


def test_a_stop_ends_also_one_that_has_not_begun(declare: Declare) -> None:
    declare()
    register()
    scheduler = SlotScheduler()
    for _time in range(100_000):
        scheduler.wakeup()  # more than the pipe holds
    scheduler.stop()
    scheduler.run()
    assert scheduler.state == 0


@pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning")
def test_the_command_refuses_a_file_in_no_folder() -> None:
    with pytest.raises(CommandError, match="There is no folder /nowhere"):
        call_command("scheduler", health_file=Path("/nowhere/ready"))
