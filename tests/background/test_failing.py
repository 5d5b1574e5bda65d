"""What becomes of tasks that fail, want to come later, or do not end."""

import logging
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.tasks.base import TaskResult, TaskResultStatus
from django.tasks.signals import task_finished
from django.utils import timezone

from keystone.actors.actor import Actor
from keystone.background.declaring import MAX_ATTEMPTS
from keystone.background.errors import storable_text
from keystone.background.handling import retry_tasks
from keystone.background.models import Task, TaskOutcome
from keystone.background.retries import OTHER_CODE_PATIENCE, GiveUp, RetryLater, next_attempt
from keystone.testing.queued_tasks import QueuedTasks, make_due, received, row
from tests.background import sample_tasks as tasks
from tests.background.rows import age


def waits(result: "TaskResult[Any, Any]", since: datetime) -> float:
    moment = row(result).scheduled_at
    assert moment is not None
    return float((moment - since).total_seconds())


def test_a_failure_is_tried_again_later_and_later_and_then_left(queued_tasks: QueuedTasks) -> None:
    result = tasks.fail.enqueue("no")
    with received(task_finished) as finished:
        for shortest, longest in ((5, 10), (10, 20)):
            begun = timezone.now()
            assert queued_tasks.run() == 1
            assert row(result).status == "todo"
            assert shortest <= waits(result, begun) <= longest + 1
            make_due(result)
        assert finished == []
        assert queued_tasks.run() == 1
        assert finished == [(result.id, "FAILED")]
    result.refresh()
    assert (result.status, result.attempts, row(result).attempts) == ("FAILED", 3, 3)
    assert [error.exception_class for error in result.errors] == [tasks.Trouble] * 3
    assert all("raise Trouble(text)" in error.traceback for error in result.errors)
    assert len(set(result.worker_ids)) == 1
    assert queued_tasks.run() == 0


def test_waits_double_up_to_an_hour() -> None:
    for failures, longest in ((1, 10), (2, 20), (5, 160), (10, 3600), (50, 3600)):
        begun = timezone.now()
        drawn = [next_attempt(failures=failures, max_attempts=99) for _ in range(50)]
        waits = [(moment - begun).total_seconds() for moment in drawn if moment]
        assert len(waits) == 50
        assert longest / 2 <= min(waits) < max(waits) <= longest + 1
        assert max(waits) - min(waits) > longest / 10
    assert next_attempt(failures=3, max_attempts=3) is None


def test_only_the_newest_errors_are_kept(queued_tasks: QueuedTasks) -> None:
    result = tasks.fail.enqueue("newest")
    old = [{"at": "", "class": "builtins.ValueError", "traceback": str(number)} for number in range(10)]
    TaskOutcome.objects.create(job_id=int(result.id), errors=old)
    queued_tasks.run()
    errors = TaskOutcome.objects.get().errors
    assert [error["traceback"] for error in errors[:9]] == [str(number) for number in range(1, 10)]
    assert errors[9]["traceback"].endswith("Trouble: newest\n")


def test_errors_are_short_storable_and_without_secrets(queued_tasks: QueuedTasks) -> None:
    token = "abcDEF123_-abcDEF123_-abcDEF123"
    result = tasks.fail_for_good.enqueue(f"{'x' * 20_000} http://localhost/reset-password/{token}/ \\x00")
    queued_tasks.run()
    result.refresh()
    [error] = result.errors
    assert len(error.traceback) == 8_000
    assert token not in error.traceback
    assert error.traceback.startswith("[…]")


def test_error_texts_that_the_database_cannot_keep_are_changed() -> None:
    assert storable_text("a\x00b\ud800c") == "a␀b\\ud800c"


def test_retry_later_is_no_failure(queued_tasks: QueuedTasks) -> None:
    result = tasks.later.enqueue(seconds=300)
    for _ in range(2):
        begun = timezone.now()
        queued_tasks.run()
        assert 299 < waits(result, begun) < 305
        assert (row(result).status, row(result).attempts) == ("todo", 0)
        make_due(result)
    result.refresh()
    assert (result.status, result.attempts, result.errors) == ("READY", 2, [])


def test_retry_later_wants_one_moment() -> None:
    with pytest.raises(ValueError, match="either"):
        RetryLater()
    with pytest.raises(ValueError, match="time zone"):
        RetryLater(at=datetime(2030, 1, 1))  # noqa: DTZ001 - that is what is refused
    moment = timezone.now()
    assert RetryLater(at=moment).at == moment


def test_giving_up_ends_the_attempts(queued_tasks: QueuedTasks) -> None:
    result = tasks.give_up.enqueue()
    queued_tasks.run()
    result.refresh()
    assert (result.status, [error.exception_class for error in result.errors]) == ("FAILED", [GiveUp])


@pytest.mark.parametrize(
    ("task", "error"),
    [(tasks.leave, "SystemExit: 3"), (tasks.give_back_an_object, "give_back_an_object returned must be JSON")],
    ids=["exit", "not json"],
)
def test_whatever_a_task_does_the_worker_goes_on(queued_tasks: QueuedTasks, task: Any, error: str) -> None:
    result = task.enqueue()
    queued_tasks.run()
    result.refresh()
    assert result.status == TaskResultStatus.FAILED
    assert error in result.errors[0].traceback


def rename(result: "TaskResult[Any, Any]", name: str) -> None:
    """Let the row of a task name another function."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET task_name = %s WHERE id = %s", [name, int(result.id)])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("keystone.nowhere.task", "There is no task keystone.nowhere.task"),
        ("os.path.join", "is not a task"),
        ("word", "There is no task word"),
    ],
    ids=["no module", "a function", "no path"],
)
def test_a_task_without_code_is_left_to_workers_that_have_it(queued_tasks: QueuedTasks, name: str, words: str) -> None:
    result = tasks.add.enqueue(1)
    rename(result, name)
    for _ in range(MAX_ATTEMPTS + 1):
        assert queued_tasks.run() == 1
        assert (row(result).status, row(result).attempts) == ("todo", 0)
        make_due(result)
    assert words in TaskOutcome.objects.get().errors[0]["traceback"]
    rename(result, tasks.add.module_path)  # the new version is there
    queued_tasks.run()
    assert (row(result).status, row(result).attempts) == ("succeeded", 1)


def test_a_task_whose_code_does_not_come_is_left_to_an_administrator(queued_tasks: QueuedTasks) -> None:
    result = tasks.add.enqueue(1)
    rename(result, "keystone.nowhere.task")
    queued_tasks.run()
    age(Task.objects.get(), OTHER_CODE_PATIENCE)
    make_due(result)
    queued_tasks.run()
    assert row(result).status == "failed"
    retry_tasks([int(result.id)], by=Actor.system())  # it is waited for once more
    queued_tasks.run()
    assert row(result).status == "todo"


def test_a_row_of_somebody_else_fails_and_is_tried_again(queued_tasks: QueuedTasks) -> None:
    result = tasks.add.enqueue(1)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET args = '{}'")
    queued_tasks.run()
    assert (row(result).status, row(result).attempts) == ("todo", 1)
    assert "was not written by Keystone" in TaskOutcome.objects.get().errors[0]["traceback"]


# -- Times -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("task", [tasks.run_on, tasks.run_on_async], ids=["function", "coroutine"])
def test_a_task_that_runs_on_is_ended_and_rolled_back(queued_tasks: QueuedTasks, tmp_path: Path, task: Any) -> None:
    result = task.enqueue(str(tmp_path / "notes"))
    queued_tasks.run()
    result.refresh()
    assert result.status == TaskResultStatus.FAILED
    assert "TaskTimeout: It ran for longer than 0.2 seconds." in result.errors[0].traceback
    assert "sample_tasks.py" in result.errors[0].traceback
    assert not (tmp_path / "notes").exists()
    assert not Group.objects.filter(name="half done").exists()


@pytest.mark.parametrize(
    ("task", "arguments"),
    [(tasks.hang, ["notes", 2.0]), (tasks.block_the_loop, [2.0])],
    ids=["function", "coroutine"],
)
def test_a_task_that_does_not_end_has_failed_and_what_it_returns_does_not_count(
    queued_tasks: QueuedTasks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: Any, arguments: list[Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    result = task.enqueue(*arguments)
    waiting = tasks.add.enqueue(1)
    queued_tasks.run(concurrency=1, grace=0.2)
    result.refresh()
    assert result.status == TaskResultStatus.FAILED
    assert "may still run" in result.errors[0].traceback
    assert row(waiting).status == "todo"  # its slot is not there any more
    time.sleep(2)  # until it has come back
    result.refresh()
    assert result.status == TaskResultStatus.FAILED
    assert queued_tasks.run() == 1


def test_the_log_has_a_line_for_each_end_and_no_arguments(
    queued_tasks: QueuedTasks, caplog: pytest.LogCaptureFixture
) -> None:
    done, failed = tasks.plain.enqueue("canary-1"), tasks.fail_for_good.enqueue("canary")
    with caplog.at_level(logging.INFO):
        queued_tasks.run(concurrency=1)
    lines = [record for record in caplog.records if record.name == "keystone.background.running"]
    path = "tests.background.sample_tasks"
    assert [record.levelname for record in lines] == ["INFO", "ERROR"]
    assert lines[0].getMessage().startswith(f"task {done.id} {path}.plain succeeded in 0.")
    assert lines[1].getMessage().startswith(f"task {failed.id} {path}.fail_for_good failed in 0.")
    assert lines[1].exc_info is not None
    assert "canary-1" not in caplog.text.lower()
