"""Deciding on tasks in the admin: buttons, bulk actions, and who may."""

import pytest
from django.test import Client

from keystone.accounts.models import User
from keystone.audit.models import AuditEvent
from keystone.background.admin import handled
from keystone.background.models import Task
from keystone.testing.factories import approver
from tests.approval.admin_pages import browser, told
from tests.background.rows import LIST, ended, page_of, running, waiting

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(root: User) -> Client:
    """The superuser's browser."""
    return browser(root)


@pytest.mark.parametrize(
    ("decision", "status", "result", "message"),
    [
        ("retry", "failed", "todo", "1 task will be retried."),
        ("discard", "failed", "cancelled", "1 task was discarded."),
        ("cancel", "todo", "cancelled", "1 task was cancelled."),
        ("cancel", "doing", "doing", "1 running task was asked to stop."),
        (
            "retry",
            "succeeded",
            "succeeded",
            "Only a failed, cancelled or aborted task can be retried.",
        ),
    ],
)
def test_a_button_decides(client: Client, decision: str, status: str, result: str, message: str) -> None:
    task = waiting() if status == "todo" else running() if status == "doing" else ended(status)
    offered = {button["link"] for button in client.get(page_of(task)).context["buttons"]}
    link = f"{LIST}{task.pk}/{decision}/"
    assert (link in offered) is (status != "succeeded")
    assert client.get(link).status_code == 405
    response = client.post(link)
    assert response["Location"] == page_of(task)
    assert told(response) == [message]
    assert Task.objects.get(pk=task.pk).status == result
    assert AuditEvent.objects.filter(actor_kind="administrator", target_id=str(task.pk)).exists() is (
        status != "succeeded"
    )


def test_a_button_for_a_task_that_was_pruned(client: Client) -> None:
    response = client.post(f"{LIST}12/retry/")
    assert (response["Location"], told(response)) == (LIST, ["A task no longer exists: it was pruned."])


@pytest.mark.parametrize("decision", ["retry", "cancel", "discard"])
def test_many_are_decided_on_at_once(client: Client, decision: str) -> None:
    tasks = [ended("failed"), ended("failed"), waiting(), running(), ended("succeeded"), ended("succeeded")]
    body = {"action": f"{decision}_selected", "_selected_action": [str(task.pk) for task in tasks]}
    response = client.post(LIST, body)
    assert (
        told(response)
        == {
            "retry": [
                "2 tasks will be retried.",
                "Only a failed, cancelled or aborted task can be retried. (4)",
            ],
            "cancel": [
                "1 task was cancelled.",
                "1 running task was asked to stop.",
                "Only a waiting or running task can be cancelled. (4)",
            ],
            "discard": ["2 tasks were discarded.", "Only a failed task can be discarded. (4)"],
        }[decision]
    )


def test_one_decision_takes_so_many_and_no_more(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handled, "AT_ONCE", 2)
    tasks = [ended("failed") for _number in range(3)]
    body = {"action": "discard_selected", "_selected_action": [str(task.pk) for task in tasks]}
    assert told(client.post(LIST, body)) == [
        "2 tasks were discarded.",
        "At most 2 tasks can be handled at once: the first of the list.",
    ]
    assert Task.objects.get(status="failed") == tasks[0]


def test_looking_and_deciding_take_their_permissions() -> None:
    task = ended("failed")
    nobody, viewer = browser(approver()), browser(approver("view_task"))
    for address in (LIST, page_of(task)):
        assert nobody.get(address).status_code == 403
        assert viewer.get(address).status_code == 200
        assert Client().get(address).status_code == 302
    assert viewer.get(page_of(task)).context["buttons"] == []
    assert "retry_selected" not in viewer.get(LIST).content.decode()
    for decision in ("retry", "cancel", "discard"):
        assert viewer.post(f"{LIST}{task.pk}/{decision}/").status_code == 403
        viewer.post(LIST, {"action": f"{decision}_selected", "_selected_action": [str(task.pk)]})
    assert browser(approver("handle_task")).post(f"{LIST}{task.pk}/retry/").status_code == 403
    assert Task.objects.get().status == "failed"
    assert browser(approver("view_task", "handle_task")).post(f"{LIST}{task.pk}/retry/").status_code == 302
    assert Task.objects.get().status == "todo"
