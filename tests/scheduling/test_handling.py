"""Pausing, resuming, running now, forgetting; and forgetting old runs."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from django_apscheduler.models import DjangoJob
from pytest_django import DjangoCaptureOnCommitCallbacks

from keystone.accounts.models import User
from keystone.actors.actor import Actor
from keystone.audit.models import AuditEvent
from keystone.exceptions import Refusal
from keystone.scheduling.claiming import claim_due_slot
from keystone.scheduling.handling import (
    AlreadyPaused,
    JobOrphaned,
    NoSuchJob,
    NotPaused,
    StillInCode,
    delete_orphan,
    pause_job,
    resume_job,
    run_job_now,
)
from keystone.scheduling.models import RunState, ScheduledJob, ScheduledRun
from keystone.scheduling.pruning import prune_runs
from tests.scheduling.conftest import Declare, due, next_run, only_run, register

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system()


@pytest.fixture
def orphan(declare: Declare, declared: dict[str, object]) -> ScheduledJob:
    """A job that is not in the code any more."""
    declare()
    register()
    declared.clear()
    register()
    return ScheduledJob.objects.get(orphaned_at__isnull=False)


def test_a_paused_job_is_not_due_and_goes_on_from_its_next_slot(declare: Declare, anna: User) -> None:
    due(declare(), ago=timedelta(hours=1))
    by = Actor.administrator(anna)
    assert pause_job("shop.tidy", by=by).paused_at is not None
    assert next_run_is_none()
    assert claim_due_slot("shop.tidy") is None
    with pytest.raises(AlreadyPaused):
        pause_job("shop.tidy", by=by)
    assert resume_job("shop.tidy", by=by).paused_at is None
    following = next_run()
    assert following is not None
    assert following > timezone.now()
    with pytest.raises(NotPaused):
        resume_job("shop.tidy", by=by)
    assert list(AuditEvent.objects.order_by("pk").values_list("action", "actor_label", "target_type", "target_id")) == [
        ("job.paused", anna.email, "scheduledjob", "shop.tidy"),
        ("job.resumed", anna.email, "scheduledjob", "shop.tidy"),
    ]


def next_run_is_none() -> bool:
    return DjangoJob.objects.get().next_run_time is None


def test_a_job_is_resumed_where_its_row_is_lost(declare: Declare) -> None:
    declare()
    register()
    pause_job("shop.tidy", by=SYSTEM)
    DjangoJob.objects.all().delete()
    resume_job("shop.tidy", by=SYSTEM)
    register(starting=False)
    assert next_run() is not None


def test_a_job_is_resumed_where_its_row_cannot_be_read(declare: Declare) -> None:
    declare()
    register()
    pause_job("shop.tidy", by=SYSTEM)
    DjangoJob.objects.update(job_state=b"of another version")
    resume_job("shop.tidy", by=SYSTEM)
    register(starting=False)
    assert next_run() is not None


def test_a_run_may_be_asked_for_also_of_a_paused_job(
    declare: Declare, anna: User, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    declare(function=lambda: "done")
    register()
    pause_job("shop.tidy", by=SYSTEM)
    with django_capture_on_commit_callbacks(execute=True):
        entry = run_job_now("shop.tidy", by=Actor.administrator(anna))
        assert entry.state == RunState.ENQUEUED
    entry.refresh_from_db()
    assert entry == only_run()
    assert (entry.state, entry.result, entry.is_manual, entry.requested_by) == ("succeeded", "done", True, anna)
    assert entry.task_id != ""
    assert AuditEvent.objects.filter(action="job.run_requested", target_id="shop.tidy").count() == 1
    assert next_run_is_none()


def test_a_run_may_be_asked_for_by_nobody_in_particular(declare: Declare) -> None:
    declare()
    register()
    assert run_job_now("shop.tidy", by=SYSTEM).requested_by is None


def test_an_orphan_can_only_be_forgotten(orphan: ScheduledJob) -> None:
    for decide in (pause_job, resume_job, run_job_now):
        with pytest.raises(JobOrphaned):
            decide(orphan.pk, by=SYSTEM)
    ScheduledRun.objects.create(job=orphan, slot=timezone.now())
    delete_orphan(orphan.pk, by=SYSTEM)
    assert not ScheduledJob.objects.exists()
    assert not DjangoJob.objects.exists()
    assert not ScheduledRun.objects.exists()
    event = AuditEvent.objects.get()
    assert (event.action, event.target_id, event.changes) == ("job.deleted", "shop.tidy", {"runs": [1, 0]})


def test_a_job_that_is_in_the_code_cannot_be_forgotten(declare: Declare) -> None:
    declare()
    register()
    with pytest.raises(StillInCode):
        delete_orphan("shop.tidy", by=SYSTEM)
    assert ScheduledJob.objects.exists()


def test_of_what_is_gone_nothing_can_be_decided() -> None:
    for decide in (pause_job, resume_job, run_job_now, delete_orphan):
        with pytest.raises(NoSuchJob) as caught:
            decide("gone", by=SYSTEM)
        assert isinstance(caught.value, Refusal)
        assert caught.value.detail == "This job no longer exists."
    assert not AuditEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_old_runs_are_forgotten_except_the_last_of_each_job_and_what_goes_on(declare: Declare) -> None:
    for name in ("a", "b"):
        declare(name)
    register()
    now = datetime.now(UTC)
    for name, days, state in (
        ("a", 90, "succeeded"),
        ("a", 80, "running"),
        ("a", 70, "failed"),
        ("a", 1, "succeeded"),
        ("b", 60, "missed"),
        ("b", 50, "skipped"),
    ):
        ScheduledRun.objects.create(job_id=name, slot=now - timedelta(days=days), state=state)
    assert prune_runs(older_than=timedelta(days=30)) == 3
    assert list(ScheduledRun.objects.order_by("job", "slot").values_list("job", "state")) == [
        ("a", "running"),
        ("a", "succeeded"),
        ("b", "skipped"),
    ]
    assert prune_runs(older_than=timedelta(days=30)) == 0
