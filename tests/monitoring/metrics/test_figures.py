"""What is looked up in the database, and what it costs."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from keystone.accounts import lifecycle
from keystone.accounts.status import Status
from keystone.actors.actor import Actor
from keystone.mail.models import MailState, OutgoingMail
from keystone.monitoring.metrics import figures
from keystone.observability.origin import origin
from keystone.scheduling.models import RunState, ScheduledJob, ScheduledRun, SchedulerProcess
from keystone.testing.factories import UserFactory, superuser
from keystone.throttling.limits import TooManyAttempts, count_attempt
from tests.background.rows import age, ended, process, running, waiting
from tests.mail.rows import outgoing

pytestmark = pytest.mark.django_db


@pytest.mark.django_db(transaction=True)
def test_the_looks_cost_what_they_say(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(8 + 2):  # begin and the end
        figures.current_figures()
    with django_assert_num_queries(5 + 2):
        figures.slow_figures()


def test_tasks_are_counted_by_queue_and_state() -> None:
    age(waiting(queue="mail"), timedelta(minutes=2))
    waiting(at=timezone.now() + timedelta(hours=1))
    waiting()
    running()
    ended("failed")
    ended("succeeded")
    found = figures.current_figures().values
    assert found["keystone_tasks"] == {
        ("default", "due"): 1,
        ("default", "later"): 1,
        ("default", "running"): 1,
        ("default", "failed"): 1,
        ("mail", "due"): 1,
        ("mail", "later"): 0,
        ("mail", "running"): 0,
        ("mail", "failed"): 0,
    }
    ages = found["keystone_task_oldest_due_seconds"]
    assert 120 <= ages[("mail",)] < 180
    assert 0 <= ages[("default",)] < 60


def test_those_count_who_live() -> None:
    process()
    process("host-2", silent=31)
    SchedulerProcess.objects.create(name="alive", last_heartbeat=Now())
    SchedulerProcess.objects.create(name="dead", last_heartbeat=timezone.now() - timedelta(minutes=1))
    found = figures.current_figures().values
    assert (found["keystone_workers"], found["keystone_schedulers"]) == ({(): 1}, {(): 1})


def test_people_and_the_decisions_of_the_day_are_counted() -> None:
    root = superuser()
    people = UserFactory.create_batch(3, status=Status.PENDING_ADMIN_APPROVAL)
    lifecycle.approve_user(people[0], by=Actor.administrator(root))
    lifecycle.reject_user(people[1], by=Actor.cli())
    found = figures.slow_figures().values
    counts = found["keystone_people"]
    assert {labels: count for labels, count in counts.items() if count} == {
        ("active",): 2,
        ("rejected",): 1,
        ("pending_admin_approval",): 1,
    }
    assert len(counts) == len(Status)
    decisions = figures.current_figures().values["keystone_decisions_total"]
    assert {labels: count for labels, count in decisions.items() if count} == {
        ("approve", "administrator"): 1,
        ("reject", "cli"): 1,
    }
    assert decisions["suspend", "job"] == 0  # so that the first one is seen as a rise


def test_mails_are_counted_by_state() -> None:
    outgoing(MailState.SENT)
    outgoing(MailState.FAILED)
    long_ago = timezone.now() - timedelta(days=2)
    OutgoingMail.objects.filter(pk=outgoing(MailState.SENT).pk).update(created_at=long_ago)
    OutgoingMail.objects.filter(pk=outgoing(MailState.QUEUED).pk).update(created_at=long_ago)
    assert figures.slow_figures().values["keystone_mails"] == {
        ("queued",): 1,
        ("sent",): 1,
        ("failed",): 1,
        ("bounced",): 0,
        ("suppressed",): 0,
        ("obsolete",): 0,
    }


@pytest.mark.django_db(transaction=True)
def test_attempts_are_counted_and_so_are_those_that_were_refused(settings: Settings) -> None:
    settings.KEYSTONE = {**settings.KEYSTONE, "ATTEMPTS_PER_ADDRESS_AND_IP": 2}
    with origin(ip_address="203.0.113.7"):
        for _ in range(2):
            count_attempt(address="ann@example.com")
        for _ in range(3):
            with pytest.raises(TooManyAttempts):
                count_attempt(address="ann@example.com")
    found = figures.slow_figures().values
    assert found["keystone_attempts"][("address_and_ip",)] == 5
    assert found["keystone_attempts_refused"] == {
        ("ip",): 0,
        ("address_and_ip",): 3,
        ("address",): 0,
        ("requests",): 0,
        ("code",): 0,
        ("changes",): 0,
        ("mails",): 0,
    }


def test_ended_runs_of_the_day_are_counted() -> None:
    job = ScheduledJob.objects.create(id="keystone.prune_mails", trigger="every 60 s")
    now = figures.midnight()
    for minute, state in enumerate((RunState.FAILED, RunState.FAILED, RunState.SUCCEEDED, RunState.RUNNING)):
        ScheduledRun.objects.create(job=job, slot=now + timedelta(minutes=minute), state=state)
    ScheduledRun.objects.create(job=job, slot=now - timedelta(minutes=1), state=RunState.FAILED)
    runs = figures.current_figures().values["keystone_scheduled_runs_total"]
    assert {labels: count for labels, count in runs.items() if count} == {
        ("keystone.prune_mails", "failed"): 2,
        ("keystone.prune_mails", "succeeded"): 1,
    }
    assert runs["keystone.prune_runs", "failed"] == 0
