"""Deciding on tasks: what may be done to which, what is written of it, and who wins against a worker."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction
from django.utils import timezone
from procrastinate.contrib.django.utils import connector_params

from keystone.actors.actor import Actor
from keystone.audit.models import AuditEvent
from keystone.background.handling import Handled, cancel_tasks, discard_tasks, retry_tasks
from keystone.background.models import Task, TaskOutcome
from tests.background.rows import again, ended, events, running, waiting

pytestmark = pytest.mark.django_db
BY = Actor.system()
Decision = Callable[..., Handled]


def codes(handled: Handled) -> list[str]:
    return [refusal.code for _task, refusal in handled.refused]


@pytest.mark.parametrize("status", ["failed", "cancelled", "aborted"])
def test_retry_lets_a_task_run_at_once_with_all_its_attempts(status: str) -> None:
    task = ended(status, at=timezone.now() + timedelta(days=1) if status == "cancelled" else None)
    Task.objects.filter(pk=task.pk).update(attempts=5, abort_requested=True)
    TaskOutcome.objects.create(job_id=task.pk, errors=[{"class": "E"}], rescues=6)
    handled = retry_tasks([task.pk], by=BY)
    assert handled.done == [task]
    task = again(task.pk)
    assert (task.status, task.attempts, task.abort_requested, task.worker_id) == ("todo", 0, False, None)
    assert task.scheduled_at is not None
    assert task.scheduled_at <= timezone.now()
    assert events(task).count("retried") == 1
    outcome = TaskOutcome.objects.get()
    assert (outcome.errors, outcome.rescues) == ([{"class": "E"}], 0)
    event = AuditEvent.objects.get()
    assert (event.action, event.target_type, event.target_id) == ("task.retried", "task", str(task.pk))
    assert (event.target_label, event.changes) == (f"example #{task.pk}", {"state": [status, "waiting"]})
    assert (event.actor_kind, event.actor_label) == ("system", "keystone")


def test_cancel_takes_a_waiting_task_and_asks_a_running_one_to_stop() -> None:
    first, second = waiting(), running()
    handled = cancel_tasks([second.pk, first.pk], by=BY)
    assert handled.done == [first, second]
    assert again(first.pk).status == "cancelled"
    assert (again(second.pk).status, again(second.pk).abort_requested) == ("doing", True)
    assert events(first) == ["deferred", "cancelled"]
    assert events(second) == ["deferred", "started", "abort_requested"]
    assert [(event.action, event.changes) for event in AuditEvent.objects.order_by("id")] == [
        ("task.cancelled", {"state": ["waiting", "cancelled"]}),
        ("task.stop_requested", {"state": ["running", "running"]}),
    ]
    assert codes(cancel_tasks([first.pk, second.pk], by=BY)) == ["task_not_cancellable", "task_already_stopping"]


def test_discard_gives_a_failed_task_up_and_can_be_taken_back() -> None:
    task = ended("failed")
    discard_tasks([task.pk], by=BY)
    assert again(task.pk).status == "cancelled"
    assert events(task) == ["deferred", "started", "failed", "cancelled"]
    assert AuditEvent.objects.get().action == "task.discarded"
    retry_tasks([task.pk], by=BY)
    assert again(task.pk).status == "todo"


@pytest.mark.parametrize(
    ("decision", "status", "code"),
    [
        (retry_tasks, "todo", "task_not_retriable"),
        (retry_tasks, "doing", "task_not_retriable"),
        (retry_tasks, "succeeded", "task_not_retriable"),
        (cancel_tasks, "succeeded", "task_not_cancellable"),
        (cancel_tasks, "failed", "task_not_cancellable"),
        (cancel_tasks, "aborted", "task_not_cancellable"),
        (discard_tasks, "todo", "task_not_discardable"),
        (discard_tasks, "doing", "task_not_discardable"),
        (discard_tasks, "succeeded", "task_not_discardable"),
        (discard_tasks, "cancelled", "task_not_discardable"),
        (discard_tasks, "aborted", "task_not_discardable"),
    ],
)
def test_an_illegal_decision_changes_nothing(decision: Decision, status: str, code: str) -> None:
    made: dict[str, Callable[[], Task]] = {"todo": waiting, "doing": running}
    task = made[status]() if status in made else ended(status)
    before = events(task)
    handled = decision([task.pk], by=BY)
    assert (handled.done, codes(handled)) == ([], [code])
    assert (again(task.pk).status, events(task)) == (status, before)
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize("decision", [retry_tasks, cancel_tasks, discard_tasks])
def test_a_task_that_is_not_there_is_told(decision: Decision) -> None:
    assert decision([5, 2**70], by=BY).missing == [5, 2**70]
    assert decision([], by=BY) == Handled()


def test_many_are_decided_on_in_a_few_queries(django_assert_num_queries: Callable[[int], Any]) -> None:
    for count in (1, 3):
        tasks = [ended("failed") for _number in range(count)]
        with django_assert_num_queries(7):  # 2 of them are the savepoint
            assert len(retry_tasks([task.pk for task in tasks], by=BY).done) == count


@pytest.mark.django_db(transaction=True)
def test_a_retried_task_wakes_the_workers_of_its_queue() -> None:
    task = ended("failed", queue="mail")
    with psycopg.connect(**connector_params(), autocommit=True) as listener:
        listener.execute('LISTEN "procrastinate_queue_v1#mail"')
        listener.execute("LISTEN procrastinate_any_queue_v1")
        retry_tasks([task.pk], by=BY)
        told = [notice.channel for notice in listener.notifies(timeout=10, stop_after=2)]
    assert sorted(told) == ["procrastinate_any_queue_v1", "procrastinate_queue_v1#mail"]


FETCH = "SELECT id FROM procrastinate_fetch_job_v2(NULL, (SELECT worker_id FROM procrastinate_register_worker_v1()))"


@pytest.mark.django_db(transaction=True)
def test_a_worker_does_not_get_what_is_being_cancelled() -> None:
    task = waiting()
    with psycopg.connect(**connector_params(), autocommit=True) as worker:
        with transaction.atomic():
            cancel_tasks([task.pk], by=BY)
            assert worker.execute(FETCH).fetchone() == (None,)
        assert worker.execute(FETCH).fetchone() == (None,)
    assert again(task.pk).status == "cancelled"


@pytest.mark.django_db(transaction=True)
def test_what_a_worker_is_taking_is_asked_to_stop() -> None:
    task = waiting()
    handled: list[Handled] = []

    def cancel() -> None:
        try:
            handled.append(cancel_tasks([task.pk], by=BY))
        finally:
            connection.close()

    with psycopg.connect(**connector_params()) as worker:
        assert worker.execute(FETCH).fetchone() == (task.pk,)
        decider = threading.Thread(target=cancel)
        decider.start()
        _until_somebody_waits(worker)
        worker.commit()
    decider.join(30)
    assert [done.status for done in handled[0].done] == ["doing"]
    assert (again(task.pk).status, again(task.pk).abort_requested) == ("doing", True)


def _until_somebody_waits(connection: Any) -> None:
    """Return once another transaction waits for a lock."""
    waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with psycopg.connect(connection.info.dsn, autocommit=True) as watcher:
        for _try in range(3_000):
            if watcher.execute(waits).fetchone() == (1,):
                return
            watcher.execute("SELECT pg_sleep(0.01)")
    raise AssertionError("nobody waits")
