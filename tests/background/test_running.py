"""Running tasks with the real queue, in this process: results, surroundings, order and times."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.tasks import default_task_backend
from django.tasks.base import TaskResult, TaskResultStatus
from django.tasks.exceptions import TaskResultDoesNotExist, TaskResultMismatch
from django.tasks.signals import task_finished, task_started
from django.utils import timezone

from keystone.background.backend import enqueue_many
from keystone.background.models import TaskOutcome, WorkerProcess
from keystone.observability.origin import origin
from keystone.testing.queued_tasks import QueuedTasks, make_due, received, row
from tests.background import sample_tasks as tasks


# -- Results ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("task", [tasks.add, tasks.add_async], ids=["function", "coroutine"])
def test_result_says_what_was_returned_when_and_by_whom(queued_tasks: QueuedTasks, task: Any) -> None:
    begun = timezone.now()
    result = task.enqueue(2, second=3)
    with received(task_started) as started, received(task_finished) as finished:
        assert queued_tasks.run() == 1
    result.refresh()
    assert (result.status, result.return_value, result.attempts) == ("SUCCESSFUL", 5, 1)
    assert begun < result.enqueued_at <= result.started_at <= result.finished_at < timezone.now()
    assert result.last_attempted_at == result.started_at
    assert result.errors == []
    assert started == [(result.id, "RUNNING")]
    assert finished == [(result.id, "SUCCESSFUL")]


def test_a_task_that_returns_nothing_has_no_outcome_row(queued_tasks: QueuedTasks) -> None:
    result = tasks.make_group.enqueue("made")
    queued_tasks.run()
    result.refresh()
    assert result.return_value is None
    assert not TaskOutcome.objects.exists()
    assert Group.objects.filter(name="made").exists()


def test_coroutines_use_the_database(queued_tasks: QueuedTasks) -> None:
    result: TaskResult[Any, Any] = tasks.make_group_async.enqueue("made")
    queued_tasks.run()
    result.refresh()
    assert result.return_value == Group.objects.get(name="made").pk


def test_djangos_own_decorator_has_the_usual_limits(queued_tasks: QueuedTasks) -> None:
    result = tasks.plain.enqueue("word")
    queued_tasks.run()
    result.refresh()
    assert result.return_value == "WORD"


def test_context_tells_the_attempt(queued_tasks: QueuedTasks) -> None:
    result = tasks.attempt_of.enqueue("word")
    queued_tasks.run()
    result.refresh()
    assert result.return_value == ["word", 1, result.id]


def test_surroundings_are_those_of_the_request_that_enqueued(queued_tasks: QueuedTasks) -> None:
    with origin(request_id="r-7"), timezone.override("Asia/Tokyo"):
        result = tasks.surroundings.enqueue()
    queued_tasks.run()
    result.refresh()
    assert result.return_value == ["r-7", "en", "UTC"]


@pytest.mark.parametrize("result_id", ["1", "-1", "x", "", "9" * 30, "٣"])
def test_an_unknown_id_has_no_result(queued_tasks: QueuedTasks, result_id: str) -> None:
    with pytest.raises(TaskResultDoesNotExist):
        default_task_backend.get_result(result_id)


def test_a_task_that_is_gone_from_the_code_has_no_result(queued_tasks: QueuedTasks) -> None:
    result = tasks.add.enqueue(1)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET task_name = 'keystone.nowhere.task'")
    with pytest.raises(TaskResultDoesNotExist):
        result.refresh()


def test_a_task_whose_queue_is_gone_has_its_result(queued_tasks: QueuedTasks) -> None:
    result = tasks.add.enqueue(1)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET queue_name = 'gone'")
    result.refresh()
    assert result.status == TaskResultStatus.READY
    assert queued_tasks.run() == 1  # a worker of all queues serves it as well


def test_the_result_of_another_task_is_refused(queued_tasks: QueuedTasks) -> None:
    result = tasks.add.enqueue(1)
    with pytest.raises(TaskResultMismatch):
        tasks.plain.get_result(result.id)


# -- What runs when ----------------------------------------------------------------------------------------------
def test_higher_priority_goes_first_then_who_came_first(queued_tasks: QueuedTasks, tmp_path: Path) -> None:
    path = str(tmp_path / "notes")
    for word, priority in (("a", 0), ("b", 10), ("c", -10), ("d", 10)):
        tasks.note_word.using(priority=priority).enqueue(path=path, word=word)
    queued_tasks.run(concurrency=1)
    assert (tmp_path / "notes").read_text().split() == ["b", "d", "a", "c"]


def test_a_worker_serves_the_queues_that_it_is_told(queued_tasks: QueuedTasks) -> None:
    elsewhere, here = tasks.add.enqueue(1), tasks.mail_something.enqueue()
    assert queued_tasks.run(queues=["mail"]) == 1
    assert (row(elsewhere).status, row(here).status) == ("todo", "succeeded")
    assert queued_tasks.run() == 1


def test_a_task_runs_after_its_moment_only(queued_tasks: QueuedTasks) -> None:
    result = tasks.add.using(run_after=timezone.now() + timedelta(hours=1)).enqueue(1)
    assert queued_tasks.run() == 0
    make_due(result)
    assert queued_tasks.run() == 1


def test_many_more_tasks_than_slots_run_all(queued_tasks: QueuedTasks) -> None:
    enqueue_many(tasks.add, [{"first": number} for number in range(40)])
    assert queued_tasks.run(concurrency=3) == 40
    outcomes = TaskOutcome.objects.order_by("return_value").values_list("return_value", flat=True)
    assert list(outcomes) == list(range(40))


def test_the_worker_leaves_no_rows(queued_tasks: QueuedTasks) -> None:
    queued_tasks.run()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM procrastinate_workers")
        assert cursor.fetchone() == (0,)
    assert not WorkerProcess.objects.exists()


# -- What fails --------------------------------------------------------------------------------------------------
