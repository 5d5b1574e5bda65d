"""Pruning: what is over and old goes with what belongs to it; everything else stays."""

from datetime import timedelta

import psycopg
import pytest
from django.db import connection
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateEvent
from procrastinate.contrib.django.utils import connector_params

from keystone.actors.actor import Actor
from keystone.background import pruning
from keystone.background.handling import discard_tasks
from keystone.background.models import Task, TaskOutcome
from keystone.background.pruning import prune_tasks
from tests.background.rows import age, ended, running, waiting

pytestmark = pytest.mark.django_db
WEEK = timedelta(days=7)
OLD = timedelta(days=8)


def left() -> set[int]:
    return set(Task.objects.values_list("pk", flat=True))


def test_what_is_over_and_old_goes_with_its_events_and_its_outcome() -> None:
    old = [age(ended(status), OLD) for status in ("succeeded", "cancelled", "aborted")]
    old.append(age(ended("cancelled", at=timezone.now() + timedelta(days=30)), OLD))
    kept = [ended("succeeded"), age(ended("failed"), OLD), age(waiting(), OLD), age(running(), OLD)]
    for task in (*old, *kept):
        TaskOutcome.objects.create(job_id=task.pk)
    assert prune_tasks(older_than=WEEK) == 4
    assert left() == {task.pk for task in kept}
    assert set(TaskOutcome.objects.values_list("pk", flat=True)) == left()
    assert set(ProcrastinateEvent.objects.values_list("job_id", flat=True)) == left()
    assert prune_tasks(older_than=WEEK) == 0


def test_a_discarded_task_stays_as_long_as_any_from_that_day_on() -> None:
    task = age(ended("failed"), OLD)
    discard_tasks([task.pk], by=Actor.system())
    assert prune_tasks(older_than=WEEK) == 0
    age(task, OLD)
    assert prune_tasks(older_than=WEEK) == 1


def test_an_outcome_without_a_task_goes() -> None:
    task = ended("failed")
    TaskOutcome.objects.create(job_id=task.pk)
    for key in range(10**9, 10**9 + 5):
        TaskOutcome.objects.create(job_id=key)
    assert prune_tasks(older_than=WEEK) == 0
    assert list(TaskOutcome.objects.values_list("pk", flat=True)) == [task.pk]


def test_it_walks_through_the_table_in_pieces_and_stops_where_all_is_young(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "ROWS", 2)
    for _number in range(3):
        age(ended("succeeded"), OLD)
        age(ended("failed"), OLD)
    young = [ended("succeeded") for _number in range(2)]
    unreached = age(ended("succeeded"), OLD)  # enqueued after them: it cannot be older
    TaskOutcome.objects.bulk_create(TaskOutcome(job_id=10**9 + key) for key in range(5))
    assert prune_tasks(older_than=WEEK) == 3
    assert {task.pk for task in (*young, unreached)} <= left()
    assert Task.objects.filter(status="failed").count() == 3
    assert not TaskOutcome.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_row_that_somebody_holds_is_passed_over() -> None:
    held, free = age(ended("cancelled"), OLD), age(ended("cancelled"), OLD)
    assert connection.in_atomic_block is False
    with psycopg.connect(**connector_params()) as somebody:
        somebody.execute("SELECT id FROM procrastinate_jobs WHERE id = %s FOR NO KEY UPDATE", [held.pk])
        assert prune_tasks(older_than=WEEK) == 1
    assert left() == {held.pk}
    assert free.pk not in left()
    assert prune_tasks(older_than=WEEK) == 1
