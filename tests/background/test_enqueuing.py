"""Enqueuing: in the caller's transaction, with whose request it was, and never what the database cannot keep."""

from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core import checks
from django.db import OperationalError, connection, transaction
from django.tasks import task_backends
from django.tasks.base import TaskResult, TaskResultStatus
from django.tasks.exceptions import InvalidTask
from django.tasks.signals import task_enqueued, task_finished
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob
from pytest_django import DjangoAssertNumQueries, Settings

from keystone.background.backend import ProcrastinateBackend, enqueue_many
from keystone.observability.origin import origin
from keystone.testing.queued_tasks import QueuedTasks, received
from tests.background import sample_tasks as tasks


def rows() -> list[ProcrastinateJob]:
    return list(ProcrastinateJob.objects.order_by("id"))


def test_enqueuing_writes_one_row(queued_tasks: QueuedTasks, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with origin(request_id="r-1"), django_assert_num_queries(1):
        result = tasks.add.enqueue(2, second=3)
    [row] = rows()
    assert (row.queue_name, row.priority, row.status, row.scheduled_at) == ("default", 0, "todo", None)
    assert row.task_name == "tests.background.sample_tasks.add"
    assert row.args == {"args": [2], "kwargs": {"second": 3}, "request_id": "r-1"}
    assert (result.id, result.status, result.args, result.kwargs) == (str(row.pk), "READY", [2], {"second": 3})


def test_rollback_leaves_nothing(queued_tasks: QueuedTasks) -> None:
    with transaction.atomic():
        tasks.add.enqueue(1)
        assert len(rows()) == 1
        transaction.set_rollback(True)
    assert rows() == []
    assert queued_tasks.run() == 0


def test_nothing_runs_before_the_commit(queued_tasks: QueuedTasks) -> None:
    with transaction.atomic():
        tasks.add.enqueue(1)
        assert queued_tasks.run() == 0
    assert queued_tasks.run() == 1


@pytest.mark.parametrize("count", [1, 3])
def test_many_are_enqueued_in_one_statement(
    queued_tasks: QueuedTasks, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    with django_assert_num_queries(1):
        ids = enqueue_many(tasks.add, [{"first": number} for number in range(count)])
    assert [row.args["kwargs"] for row in rows()] == [{"first": number} for number in range(count)]
    assert ids == [str(row.pk) for row in rows()]


def test_who_listens_hears_of_each_of_many(queued_tasks: QueuedTasks) -> None:
    with received(task_enqueued) as told:
        ids = enqueue_many(tasks.add, [{"first": 1}, {"first": 2}])
    assert told == [(result_id, "READY") for result_id in ids]


def test_many_of_nothing_is_nothing(queued_tasks: QueuedTasks) -> None:
    assert enqueue_many(tasks.add, []) == []


@pytest.mark.django_db(transaction=True)
def test_many_run_at_once_with_the_immediate_backend() -> None:
    with received(task_finished) as finished:
        ids = enqueue_many(tasks.add, [{"first": 1}, {"first": 2}])
    assert finished == [(result_id, "SUCCESSFUL") for result_id in ids]


def test_a_call_can_say_when_where_and_how_soon(queued_tasks: QueuedTasks) -> None:
    moment = timezone.now() + timedelta(hours=1)
    tasks.add.using(run_after=moment, priority=7, queue_name="mail").enqueue(1)
    [row] = rows()
    assert (row.scheduled_at, row.priority, row.queue_name) == (moment, 7, "mail")
    assert queued_tasks.run() == 0


@pytest.mark.parametrize(
    ("argument", "error", "words"),
    [
        (object(), TypeError, "must be JSON: Unsupported type"),
        (timezone.now(), TypeError, "must be JSON"),
        ("a\x00b", ValueError, "the character NUL"),
        ({"key\x00": 1}, ValueError, "the character NUL"),
        ("\ud800", ValueError, "half of a surrogate pair"),
        (float("nan"), ValueError, "not JSON compliant"),
        (b"\xff", ValueError, "Unsupported value"),
    ],
    ids=["object", "moment", "nul", "nul in a key", "surrogate", "nan", "bytes"],
)
def test_what_cannot_be_kept_is_refused(
    queued_tasks: QueuedTasks, argument: Any, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words) as raised:
        tasks.add.enqueue(argument)
    assert "sample_tasks.add" in str(raised.value)
    assert rows() == []


def test_a_backslash_before_u0000_is_no_nul(queued_tasks: QueuedTasks) -> None:
    result = tasks.plain.enqueue("\\u0000 \\\\u0000")
    queued_tasks.run()
    result.refresh()
    assert result.return_value == "\\U0000 \\\\U0000"


def test_arguments_that_contain_themselves_are_refused(queued_tasks: QueuedTasks) -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(ValueError, match="nested too deeply"):
        tasks.add.enqueue(endless)  # type: ignore[arg-type]  # that is what is refused


def test_enqueuing_is_told(queued_tasks: QueuedTasks) -> None:
    told: list[str] = []

    def receive(task_result: "TaskResult[Any, Any]", **_: Any) -> None:
        told.append(task_result.id)

    task_enqueued.connect(receive, sender=ProcrastinateBackend)
    try:
        result = tasks.add.enqueue(1)
    finally:
        task_enqueued.disconnect(receive, sender=ProcrastinateBackend)
    assert told == [result.id]


def test_a_queue_that_nobody_declared_is_refused(queued_tasks: QueuedTasks) -> None:
    with pytest.raises(InvalidTask, match="not valid"):
        tasks.add.using(queue_name="nowhere")


def test_a_path_that_is_too_long_is_refused(queued_tasks: QueuedTasks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks.add.func, "__qualname__", "f" * 100)
    with pytest.raises(InvalidTask, match="at most 128"):
        tasks.add.enqueue(1)


def test_a_lost_connection_is_told_as_django_tells_it(queued_tasks: QueuedTasks) -> None:
    connection.ensure_connection()
    connection.connection.close()
    try:
        with pytest.raises(OperationalError):
            tasks.add.enqueue(1)
    finally:
        connection.close()
    assert rows() == []


async def _enqueue_async() -> "TaskResult[Any, Any]":
    return await tasks.add.aenqueue(4)


def test_async_code_enqueues_too(queued_tasks: QueuedTasks) -> None:
    result = async_to_sync(_enqueue_async)()
    assert result.status == TaskResultStatus.READY
    assert len(rows()) == 1


def test_checks_find_queues_that_notifications_do_not_take(settings: Settings) -> None:
    backend = "keystone.background.backend.ProcrastinateBackend"
    settings.TASKS = {"default": {"BACKEND": backend, "QUEUES": ["default", "", "q" * 41, "q" * 40]}}
    found = task_backends["default"].check()
    assert [(message.id, message.level) for message in found] == [("keystone.E082", checks.ERROR)] * 2


def test_checks_find_a_database_that_is_none(settings: Settings) -> None:
    settings.TASKS = {"default": {"BACKEND": "keystone.background.backend.ProcrastinateBackend"}}
    settings.PROCRASTINATE_DATABASE_ALIAS = "elsewhere"
    assert [message.id for message in task_backends["default"].check()] == ["keystone.E083"]
