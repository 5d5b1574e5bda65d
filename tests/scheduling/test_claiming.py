"""Claiming slots."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone
from django_apscheduler.models import DjangoJob
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks

from keystone.scheduling.claiming import COUNTED, claim_due_slot, due_slot
from keystone.scheduling.models import RunState, ScheduledRun
from keystone.scheduling.triggers import Cron, Every
from tests.scheduling.conftest import MINUTE, Declare, due, next_run, only_run, register

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


def test_a_due_slot_is_claimed_once(
    declare: Declare, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    slot = due(declare(), ago=timedelta(0))
    with django_capture_on_commit_callbacks(execute=True):
        run = claim_due_slot("shop.tidy")
    assert run is not None
    assert run == only_run()
    assert (run.slot, run.coalesced, run.is_manual, run.requested_by) == (slot, 0, False, None)
    assert run.task_id != ""
    assert only_run().state == RunState.SUCCEEDED
    assert next_run() == slot + MINUTE
    assert claim_due_slot("shop.tidy") is None
    assert only_run() == run


def test_nothing_is_claimed_before_its_time(declare: Declare) -> None:
    declare()
    register()
    assert claim_due_slot("shop.tidy") is None
    assert claim_due_slot("shop.unknown") is None
    assert not ScheduledRun.objects.exists()


def test_a_slot_that_has_its_run_gets_no_other_one(declare: Declare) -> None:
    """As where a scheduler moves a job back, that was stopped while another one moved it on."""
    declaration = declare()
    slot = due(declaration, ago=timedelta(0))
    claim_due_slot("shop.tidy")
    assert due(declaration, ago=timedelta(0)) in {slot, slot + MINUTE}
    DjangoJob.objects.filter(pk="shop.tidy").update(next_run_time=slot)
    claim_due_slot("shop.tidy")
    assert list(ScheduledRun.objects.filter(slot=slot).values_list("slot", flat=True)) == [slot]
    following = next_run()
    assert following is not None
    assert following > timezone.now()


def test_after_an_outage_the_newest_slot_runs_for_all(declare: Declare) -> None:
    slot = due(declare(), ago=timedelta(days=30))
    run = claim_due_slot("shop.tidy")
    assert run is not None
    assert run.slot == slot + MINUTE * ((run.slot - slot) // MINUTE)
    assert timezone.now() - run.slot < 2 * MINUTE
    assert run.coalesced == COUNTED
    assert claim_due_slot("shop.tidy") is None


def test_a_slot_beyond_its_grace_is_noted_as_missed(declare: Declare) -> None:
    slot = due(declare(every=timedelta(days=300), misfire_grace=timedelta(hours=1)), ago=timedelta(hours=2))
    run = claim_due_slot("shop.tidy")
    assert run is not None
    assert (run.slot, run.state, run.task_id, run.started_at) == (slot, RunState.MISSED, "", None)
    assert run.finished_at is not None
    assert next_run() == slot + timedelta(days=300)


def test_a_slot_within_its_grace_runs_late(declare: Declare) -> None:
    due(declare(every=timedelta(days=300), misfire_grace=timedelta(days=301)), ago=timedelta(hours=2))
    run = claim_due_slot("shop.tidy")
    assert run is not None
    assert run.state == RunState.ENQUEUED


@pytest.mark.parametrize(
    ("first", "moment", "expected"),
    [
        ("03:00", "03:00", ("03:00", 0)),
        ("03:00", "03:59", ("03:00", 0)),
        ("03:00", "06:30", ("06:00", 3)),
        ("03:30", "03:40", ("03:30", 0)),  # a slot of a former trigger that was waited for
    ],
)
def test_the_slots_that_one_stands_for_are_counted(first: str, moment: str, expected: tuple[str, int]) -> None:
    def today(text: str) -> datetime:
        return datetime.fromisoformat(f"2026-11-24 {text}").replace(tzinfo=UTC)

    for trigger in (Every(timedelta(hours=1)), Cron("0 * * * *")):
        assert due_slot(trigger, today(first), today(moment)) == (today(expected[0]), expected[1])


def test_a_claim_is_cheap(declare: Declare, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    due(declare(), ago=timedelta(0))
    with django_assert_num_queries(8):  # a savepoint, limits, job, job, seen, run, run
        claim_due_slot("shop.tidy")


@pytest.mark.django_db(transaction=True)
def test_schedulers_that_claim_at_once_claim_a_slot_once(declare: Declare) -> None:
    declaration = declare(every=timedelta(days=300), overlap=True)
    register()
    callers = 4
    with ThreadPoolExecutor(callers) as pool:
        for days in range(10, 0, -1):
            slot = timezone.now() - timedelta(days=days)
            DjangoJob.objects.filter(pk=declaration.id).update(next_run_time=slot)
            barrier = threading.Barrier(callers)

            def claim() -> ScheduledRun | None:
                barrier.wait(timeout=30)  # noqa: B023 - the calls end before the next barrier is made
                try:
                    return claim_due_slot(declaration.id)
                finally:
                    connections.close_all()

            calls = [pool.submit(claim) for _caller in range(callers)]
            claimed = [call.result() for call in calls]
            assert len([run for run in claimed if run is not None]) == 1
    assert ScheduledRun.objects.count() == 10


@pytest.mark.django_db(transaction=True)
def test_a_job_that_another_scheduler_is_at_is_left_to_it(declare: Declare) -> None:
    due(declare(), ago=timedelta(0))
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        DjangoJob.objects.select_for_update().get()

        def claim() -> ScheduledRun | None:
            try:
                return claim_due_slot("shop.tidy")
            finally:
                connections.close_all()

        assert pool.submit(claim).result(timeout=20) is None


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_is_left_open_is_taken_back(declare: Declare) -> None:
    """As of a scheduler that is stopped in the middle of a claim."""
    from keystone.database.short_transactions import short_transaction
    from keystone.scheduling.claiming import LIMITS

    due(declare(), ago=timedelta(0))
    with short_transaction(**LIMITS), connection.cursor() as cursor:
        for name, value in LIMITS.items():
            cursor.execute("SELECT current_setting(%s)", [name])
            assert cursor.fetchone() == (value,)
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("0",)
