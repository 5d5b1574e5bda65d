"""Rate limits in the admin: seen by those who may, lifted by those who may."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from keystone.audit.models import AuditEvent
from keystone.observability.origin import origin
from keystone.testing.factories import UserFactory, approver, superuser
from keystone.throttling.limits import TooManyAttempts, count_attempt
from keystone.throttling.models import AttemptWindow
from tests.approval.admin_pages import browser, told

pytestmark = pytest.mark.django_db
LIST = "/admin/keystone/attemptwindow/"


@pytest.fixture
def refused(settings: Settings) -> Callable[[str], AttemptWindow]:
    settings.KEYSTONE = {"ATTEMPTS_PER_ADDRESS_AND_IP": 1}

    def refuse(address: str) -> AttemptWindow:
        with origin(ip_address="192.0.2.1"):
            count_attempt(address=address)
            with pytest.raises(TooManyAttempts):
                count_attempt(address=address)
        return AttemptWindow.objects.refusing().get(address=address)

    return refuse


def listed(response: Any) -> set[str]:
    return {str(window) for window in response.context["cl"].result_list}


def test_the_list_shows_who_is_refused(refused: Callable[[str], AttemptWindow]) -> None:
    refused("ann@example.com")
    client = browser(superuser())
    assert listed(client.get(LIST)) == {"192.0.2.1", "ann@example.com 192.0.2.1", "ann@example.com"}
    assert listed(client.get(f"{LIST}?state=refusing")) == {"ann@example.com 192.0.2.1"}
    assert len(listed(client.get(f"{LIST}?state=running"))) == 3
    assert listed(client.get(f"{LIST}?state=ended")) == set()
    assert listed(client.get(f"{LIST}?limit=ip")) == {"192.0.2.1"}
    assert len(listed(client.get(f"{LIST}?q=ANN"))) == 2
    assert len(listed(client.get(f"{LIST}?q=192.0"))) == 2


def test_lifting_takes_the_permission(refused: Callable[[str], AttemptWindow]) -> None:
    window = refused("ann@example.com")
    fields = {"action": "reset_selected", "_selected_action": [str(window.pk)]}
    viewer = browser(approver("view_attemptwindow", email="viewer@example.com"))
    assert "reset_selected" not in viewer.get(LIST).content.decode()
    viewer.post(LIST, fields)
    assert AttemptWindow.objects.refusing().exists()
    response = browser(approver("view_attemptwindow", "reset_attemptwindow")).post(LIST, fields)
    assert told(response) == ["1 rate limit was reset."]
    assert not AttemptWindow.objects.refusing().exists()
    assert AuditEvent.objects.get().action == "rate_limit.reset"


def test_nobody_else_sees_the_list() -> None:
    assert browser(approver()).get(LIST).status_code == 403
    assert Client().get(LIST).status_code == 302


def test_the_list_costs_the_same_for_one_row_and_for_three(refused: Callable[[str], AttemptWindow]) -> None:
    client = browser(superuser())
    refused("ann@example.com")
    numbers = []
    for addresses in (["ann@example.com"], ["bob@example.com", "eve@example.com"]):
        for address in addresses:
            if not AttemptWindow.objects.filter(address=address).exists():
                refused(address)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            client.get(f"{LIST}?state=refusing")
        numbers.append(len(queries))
    assert numbers[0] == numbers[1]


def test_a_persons_page_says_that_they_are_held_back_and_lifts_it(refused: Callable[[str], AttemptWindow]) -> None:
    user = UserFactory(email="ann@example.com")
    refused("ann@example.com")
    page = f"/admin/keystone/user/{user.pk}/sessions/"
    root = browser(superuser())
    assert "further attempts are blocked" in root.get(page).content.decode()
    response = root.post(page, {"reset": "1"})
    assert told(response) == ["The rate limits have been reset: the person can try to sign in again."]
    assert "further attempts are blocked" not in root.get(page).content.decode()
    viewer = browser(approver("view_user", "view_session", "view_attemptwindow"))
    assert viewer.post(page, {"reset": "1"}).status_code == 403


@pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning")
def test_the_command_lifts_the_limits_of_a_person(
    refused: Callable[[str], AttemptWindow], capsys: pytest.CaptureFixture[str]
) -> None:
    UserFactory(email="ann@example.com")
    refused("ann@example.com")
    call_command("user", "reset-limits", "ANN@example.com")
    assert capsys.readouterr().out == "2 rate limits were reset.\n"
    assert list(AttemptWindow.objects.values_list("limit", flat=True)) == ["ip"]
    assert AuditEvent.objects.filter(action="rate_limit.reset", actor_kind="cli").count() == 2
    with pytest.raises(CommandError, match="no such person"):
        call_command("user", "reset-limits", "nobody@example.com")
