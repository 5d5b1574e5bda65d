"""Tasks in the admin: the list, what stands above it, the page of a task, and no secret on either."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateEvent, ProcrastinateJob

from keystone.accounts.models import User
from keystone.background.admin.wording import duration_in_words
from keystone.background.models import Task, TaskOutcome, WorkerProcess
from keystone.testing.factories import approver
from tests.approval.admin_pages import browser, told
from tests.background.rows import LIST, NAME, age, ended, page_of, process, running, waiting, worker

pytestmark = pytest.mark.django_db
TOKEN = "Zq3vJ8mT0aWn5RkYc7LxPd2HsGfBuE4oViKj9QeMy1A"  # as `secrets.token_urlsafe(32)` makes them


@pytest.fixture
def client(root: User) -> Client:
    """The superuser's browser."""
    return browser(root)


def listed(response: Any) -> list[int]:
    return [task.pk for task in response.context["cl"].result_list]


def test_the_list_is_newest_first_and_narrowed_down(client: Client) -> None:
    first = waiting("app.tasks.welcome")
    second = ended("failed", "app.tasks.purge", queue="mail")
    third = running("app.tasks.purge")
    assert listed(client.get(LIST)) == [third.pk, second.pk, first.pk]
    for query, wanted in {
        "state=waiting": [first],
        "state=failed": [second],
        "state=running": [third],
        "state=bogus": [third, second, first],
        "queue=mail": [second],
        "task=app.tasks.purge": [third, second],
        "q=PURGE": [third, second],
        f"q={first.pk}": [first],
        f"q=%23{first.pk}": [first],
        "q=nothing": [],
        f"q={2**63}": [],
        f"q={'9' * 5_000}": [],
    }.items():
        assert listed(client.get(f"{LIST}?{query}")) == [task.pk for task in wanted], query
    filters = client.get(LIST).content.decode()
    assert '<option value="mail"' in filters
    assert '<option value="app.tasks.welcome"' in filters


def test_a_row_says_what_has_happened(client: Client) -> None:
    task = age(ended("succeeded", "app.tasks.welcome"), timedelta(days=3))
    later = waiting("app.tasks.remind", at=timezone.now() + timedelta(days=1))
    running("app.tasks.purge")
    stopping = running("app.tasks.stop")
    Task.objects.filter(pk=stopping.pk).update(abort_requested=True)
    page = client.get(LIST)
    text = page.content.decode()
    for shown in ("Waiting", "Running", "Succeeded", "Stopping", 'title="app.tasks.welcome"', ">due <"):
        assert shown in text
    rows = {row.pk: row for row in page.context["cl"].result_list}
    assert rows[task.pk].enqueued_at < timezone.now() - timedelta(days=2)
    assert rows[task.pk].finished_at is not None
    assert rows[later.pk].started_at is None
    assert rows[later.pk].last_event_at == rows[later.pk].enqueued_at  # not the day that it is due


def test_the_list_costs_the_same_for_one_row_and_for_three(client: Client) -> None:
    numbers = []
    for count in (1, 2):
        for _number in range(count):
            ended("failed", request_id="r")
            waiting()
            process()
        with CaptureQueriesContext(connection) as queries:
            client.get(LIST)
        numbers.append(len(queries))
    assert numbers[0] == numbers[1]


def test_a_page_of_nothing_and_an_address_that_is_none(client: Client) -> None:
    assert "nothing is waiting" in client.get(LIST).content.decode()
    for key in ("1", str(2**70), "x", "_"):
        assert client.get(f"{LIST}{key}/change/").status_code == 302
    assert told(client.get(f"{LIST}1/change/"))[0].startswith("background task with ID “1” ")
    assert client.get(f"{LIST}?args__contains=x").status_code == 400
    assert client.get(f"{LIST}?queue=%00").status_code == 400
    assert client.get(f"{LIST}add/").status_code == 403


def test_the_panel_shows_ages_counts_and_workers(client: Client) -> None:
    age(waiting(), timedelta(hours=3))
    waiting()
    waiting(queue="mail", at=timezone.now() - timedelta(minutes=10))
    waiting(at=timezone.now() + timedelta(days=1))
    ended("failed")
    running()
    process("host-1", queues=["default"])
    process("host-2", silent=600, queues=["mail"])
    gone = WorkerProcess.objects.create(worker_id=10**9, name="host-3", concurrency=2)
    state = client.get(LIST).context["overview"]
    assert [(queue.name, queue.waiting, queue.is_served) for queue in state.queues] == [
        ("default", 2, True),
        ("mail", 1, False),
    ]
    assert timedelta(hours=2) < timezone.now() - state.queues[0].oldest_due_at < timedelta(hours=4)
    assert timedelta(minutes=9) < timezone.now() - state.queues[1].oldest_due_at < timedelta(minutes=11)
    assert (state.waiting, state.later, state.running, state.failed) == (3, 1, 1, 1)
    assert [(one.name, one.is_alive) for one in state.workers] == [
        ("host-1", True),
        ("host-2", False),
        (gone.name, False),
    ]
    assert state.workers[2].last_seen_at is None


def test_a_queue_that_nobody_serves_is_warned_of(client: Client) -> None:
    task = waiting()
    assert "no running worker serves" not in client.get(LIST).content.decode()  # it is due since a moment ago
    age(task, timedelta(minutes=5))
    waiting(queue="mail", at=timezone.now() - timedelta(minutes=5))
    text = client.get(LIST).content.decode()
    assert "Tasks are due in the queues default, mail, but no running worker serves them." in text
    assert "No worker is running." in text
    process(queues=["mail"])
    text = client.get(LIST).content.decode()
    assert "Tasks are due in the queue default, but no running worker serves it." in text
    process("host-2")  # all queues
    text = client.get(LIST).content.decode()
    assert "no running worker serves" not in text
    assert "Alive" in text


def test_the_page_of_a_task_masks_secrets(client: Client) -> None:
    task = ended(
        "failed",
        "app.tasks.call",
        args=[7, TOKEN, f"https://x.example/reset-password/{TOKEN}/"],
        request_id="r-77",
        apiKey="hunter-one",
        user={"new_password": "hunter-two", "keyboard": "qwerty", "tokens": [], "name": "Zoë"},
        email="ann@example.com",
    )
    error = {
        "at": timezone.now().isoformat(),
        "class": "builtins.ValueError",
        "traceback": f'Traceback\n  File "x.py"\nValueError: password="hunter-three" of {TOKEN}',
    }
    older = {"at": "", "class": "builtins.KeyError", "traceback": "x" * 30_000 + "the end"}
    TaskOutcome.objects.create(job_id=task.pk, errors=[older, error], return_value={"secret": "hunter-four"}, rescues=2)
    response = client.get(page_of(task))
    text = response.content.decode()
    assert "hunter" not in text
    assert TOKEN not in text
    for shown in ("ann@example.com", "qwerty", "Zoë", "app.tasks.call", "2 times: its worker was lost", "the end"):
        assert shown in text
    assert [error["class"] for error in response.context["errors"]] == ["builtins.ValueError", "builtins.KeyError"]
    assert dict(response.context["arguments"])["1"] == "7"
    assert [str(what) for what, _at in response.context["events"]] == ["Enqueued", "Started", "Failed"]
    assert 'href="/admin/keystone/auditevent/?q=r-77"' in text


def test_the_page_of_a_task_says_when_it_is_to_run(client: Client) -> None:
    task = waiting(at=timezone.now() + timedelta(days=1))
    said = client.get(page_of(task)).context["events"]
    assert [str(what) for what, _at in said] == ["Enqueued", "Scheduled for"]
    assert said[1][1] == task.scheduled_at


def test_the_page_of_a_running_task_names_its_worker(client: Client) -> None:
    task = running()
    assert task.worker_id is not None
    WorkerProcess.objects.create(worker_id=task.worker_id, name="host-9:123", concurrency=1)
    text = client.get(page_of(task)).content.decode()
    assert "host-9:123" in text
    assert ">Stop</button>" in text
    assert "Retry" not in text


def test_a_task_that_procrastinate_itself_queued_has_a_page(client: Client) -> None:
    task = waiting()
    Task.objects.filter(pk=task.pk).update(args={"timestamp": 1})
    ProcrastinateEvent.objects.all().delete()
    assert "nothing recorded" in client.get(page_of(task)).content.decode()
    assert listed(client.get(LIST)) == [task.pk]
    viewer = browser(approver("view_task"))
    task = waiting(request_id="r-1")
    text = viewer.get(page_of(task)).content.decode()
    assert "r-1" in text
    assert "auditevent" not in text


def test_procrastinate_shows_nothing_of_its_own(client: Client) -> None:
    registered = {model for model in admin.site._registry if model._meta.app_label == "procrastinate"}
    assert registered == set()
    assert not admin.site.is_registered(ProcrastinateJob)
    assert "procrastinate" not in client.get("/admin/").content.decode().lower()


def test_a_task_is_told_without_its_arguments() -> None:
    assert str(waiting("app.tasks.call", secret="hunter")).startswith("call #")
    assert Task(task_name=NAME).short_name == "example"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-1, "0 ms"), (0.0123, "12 ms"), (1.26, "1.3 s"), (61, "1 min 1 s"), (7_260, "2 h 1 min")],
)
def test_durations_are_told_in_their_unit(seconds: float, words: str) -> None:
    assert duration_in_words(timedelta(seconds=seconds)) == words


def test_a_heartbeat_alone_is_no_worker_process() -> None:
    from keystone.background.reading import running_workers

    worker()
    assert running_workers() == []
