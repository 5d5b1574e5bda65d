"""Bringing the table in line with the code, also while two versions of it run side by side."""

import os
import pickle
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connections
from django.db.models.functions import Now
from django.utils import timezone
from django_apscheduler.models import DjangoJob
from pytest_django import DjangoAssertNumQueries

from keystone.actors.actor import Actor
from keystone.scheduling import storing
from keystone.scheduling.claiming import claim_due_slot
from keystone.scheduling.handling import pause_job
from keystone.scheduling.models import ScheduledJob, SchedulerProcess
from keystone.scheduling.processes import alive, beat, process_name, sign_off
from keystone.scheduling.registering import ORPHANED_AFTER
from keystone.scheduling.registry import Declaration
from tests.scheduling.conftest import MINUTE, Declare, due, next_run, register

pytestmark = pytest.mark.django_db
type Declared = dict[str, Declaration]


@pytest.fixture
def with_code(declared: Declared, declare: Declare) -> Callable[..., None]:
    """Registers as a scheduler whose code has these jobs, each an id with an interval in minutes."""

    def run(process: str, *, starting: bool = True, **jobs: int) -> None:
        declared.clear()
        for name, minutes in jobs.items():
            declare(name, every=minutes * MINUTE)
        register(name=process, starting=starting)

    return run


def job(name: str = "shop.tidy") -> ScheduledJob:
    return ScheduledJob.objects.get(pk=name)


def orphaned() -> list[str]:
    return list(ScheduledJob.objects.filter(orphaned_at__isnull=False).values_list("pk", flat=True))


def went_silent(process: str) -> None:
    SchedulerProcess.objects.filter(name=process).update(last_heartbeat=Now() - ORPHANED_AFTER - MINUTE)


def test_a_new_job_is_added(declare: Declare) -> None:
    declaration = declare(cron="0 3 * * *", timezone="Europe/Berlin")
    register()
    assert (job().description, job().trigger) == ("Tidies the shop.", "cron 0 3 * * * Europe/Berlin")
    assert next_run() == declaration.trigger.after(timezone.now())
    assert storing.stored_job(DjangoJob.objects.get()).func is claim_due_slot


def test_what_has_not_changed_stays_also_where_it_is_due(declare: Declare) -> None:
    slot = due(declare(), ago=timedelta(hours=3))
    before = DjangoJob.objects.get().job_state
    register()
    assert next_run() == slot
    assert DjangoJob.objects.get().job_state == before


def test_a_changed_trigger_counts_from_now(declare: Declare, declared: Declared) -> None:
    due(declare(), ago=timedelta(hours=3))
    declared.clear()
    declaration = declare(cron="0 3 * * *")
    register()
    assert next_run() == declaration.trigger.after(timezone.now())
    assert job().trigger == "cron 0 3 * * * UTC"


def test_a_changed_grace_or_description_leaves_the_next_run(declare: Declare, declared: Declared) -> None:
    slot = due(declare(), ago=timedelta(hours=3))
    declared.clear()

    def tidy() -> None:
        """Tidies it well."""

    declare(function=tidy, misfire_grace=MINUTE)
    register()
    assert next_run() == slot
    assert job().description == "Tidies it well."
    assert storing.stored_job(DjangoJob.objects.get()).misfire_grace_time == 60


def test_a_paused_job_stays_paused(declare: Declare, declared: Declared) -> None:
    declare()
    register()
    pause_job("shop.tidy", by=Actor.system())
    register()
    assert next_run() is None
    declared.clear()
    declare(every=2 * MINUTE)
    register()
    assert next_run() is None
    assert job().paused_at is not None


def test_a_job_that_is_gone_is_orphaned_and_comes_back(with_code: Callable[..., None], declare: Declare) -> None:
    with_code("one", tidy=1, sweep=1)
    with_code("one", tidy=1)
    assert orphaned() == ["sweep"]
    assert next_run("sweep") is None
    assert claim_due_slot("sweep") is None
    with_code("one", tidy=1, sweep=1)
    assert orphaned() == []
    following = next_run("sweep")
    assert following is not None
    assert following > timezone.now()


def test_an_orphan_that_was_paused_comes_back_paused(with_code: Callable[..., None]) -> None:
    with_code("one", tidy=1)
    pause_job("tidy", by=Actor.system())
    with_code("one")
    with_code("one", tidy=1)
    assert orphaned() == []
    assert next_run("tidy") is None


def test_what_any_living_scheduler_declares_is_no_orphan(with_code: Callable[..., None]) -> None:
    with_code("older", tidy=1, sweep=1)
    with_code("newer", tidy=1, polish=1)
    assert orphaned() == []
    with_code("older", starting=False, tidy=1, sweep=1)  # it looks again, and started anew it is no other
    with_code("older", starting=True, tidy=1, sweep=1)
    assert orphaned() == []
    sign_off("older")
    with_code("newer", starting=False, tidy=1, polish=1)
    assert orphaned() == ["sweep"]


def test_a_scheduler_that_is_killed_keeps_its_jobs_for_a_while(with_code: Callable[..., None]) -> None:
    with_code("older", sweep=1)
    with_code("newer", tidy=1)
    assert orphaned() == []
    went_silent("older")
    with_code("newer", starting=False, tidy=1)
    assert orphaned() == ["sweep"]
    with_code("older", starting=False, sweep=1)  # it was only stopped
    assert orphaned() == []


def test_of_two_triggers_that_of_the_latest_start_counts(with_code: Callable[..., None]) -> None:
    with_code("older", tidy=1)
    with_code("newer", tidy=2)
    with_code("older", starting=False, tidy=1)
    assert job("tidy").trigger == "every 120 s"
    with_code("older", starting=True, tidy=1)
    with_code("newer", starting=False, tidy=2)
    assert job("tidy").trigger == "every 60 s"
    sign_off("older")
    with_code("newer", starting=False, tidy=2)
    assert job("tidy").trigger == "every 120 s"


def test_a_job_that_stands_still_for_no_reason_goes_on(declare: Declare) -> None:
    declare()
    register()
    DjangoJob.objects.update(next_run_time=None)
    register(starting=False)
    assert next_run() is not None
    DjangoJob.objects.all().delete()
    register(starting=False)
    assert next_run() is not None


def test_a_state_that_this_code_cannot_read_is_written_anew(declare: Declare) -> None:
    declare()
    register()
    DjangoJob.objects.update(job_state=b"of another version")
    register(starting=False)
    assert next_run() is not None
    assert storing.stored_job(DjangoJob.objects.get()).id == "shop.tidy"


def test_the_store_leaves_what_it_cannot_read(declare: Declare, caplog: pytest.LogCaptureFixture) -> None:
    due(declare(), ago=timedelta(0))
    row = DjangoJob.objects.get()
    foreign = pickle.dumps({**pickle.loads(row.job_state), "func": "gone.away:function"})  # noqa: S301 - our own
    DjangoJob.objects.create(id="foreign", next_run_time=row.next_run_time, job_state=foreign)
    store = storing.SlotStore()
    store.start(None, "default")
    assert [found.id for found in store.get_due_jobs(timezone.now())] == ["shop.tidy"]
    assert "the job foreign was stored by another version" in caplog.text
    store.remove_job("shop.tidy")
    assert DjangoJob.objects.count() == 2


class Hostile:
    """What somebody may write who can write to the table, and to nothing else."""

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (self.folder,)

    def __init__(self, folder: str) -> None:
        self.folder = folder


def test_reading_a_state_runs_nothing_of_whoever_wrote_it(declare: Declare, tmp_path: Path) -> None:
    declare()
    register()
    folder = tmp_path / "made"
    state = pickle.loads(DjangoJob.objects.get().job_state)  # noqa: S301 - our own
    for hostile in (Hostile(str(folder)), {**state, "trigger": Hostile(str(folder))}, {**state, "func": "os:abort"}):
        row = DjangoJob(id="shop.tidy", job_state=pickle.dumps(hostile))
        with pytest.raises(pickle.UnpicklingError):
            storing.stored_job(row)
    assert not folder.exists()


def test_registering_again_is_cheap(declare: Declare, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for name in ("a", "b", "c"):
        declare(name)
    register()
    from keystone.scheduling.registering import register_jobs

    with django_assert_num_queries(7):  # savepoint, limits, lock, processes, jobs, rows, release
        register_jobs("here:1:a", starting=False)


def test_a_scheduler_lives_as_long_as_it_gives_signs_of_life() -> None:
    name = process_name()
    beat(name, {"tidy": "every 60 s"})
    beat(name, {})
    assert [(row.name, row.jobs) for row in alive()] == [(name, {"tidy": "every 60 s"})]
    SchedulerProcess.objects.update(last_heartbeat=Now() - MINUTE)
    assert not alive().exists()
    beat("other", {})
    SchedulerProcess.objects.filter(name=name).update(last_heartbeat=Now() - timedelta(days=2))
    sign_off("other")
    assert not SchedulerProcess.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_schedulers_that_start_at_once_do_not_collide(declare: Declare) -> None:
    for number in range(5):
        declare(f"job{number}")
    barrier = threading.Barrier(3)

    def start(name: str) -> None:
        barrier.wait(timeout=30)
        try:
            register(name=name)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(3) as pool:
        for call in [pool.submit(start, f"here:{number}") for number in range(3)]:
            call.result()
    assert ScheduledJob.objects.count() == DjangoJob.objects.count() == 5
