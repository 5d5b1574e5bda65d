"""Keeping one's place: a list comes back with its filters, its search and its page, however one left it."""

from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import Client

from keystone.accounts.models import User
from keystone.accounts.status import ApprovalFlow, Status
from keystone.approval.queue import AwaitingDecision
from keystone.audit.models import AuditEvent
from keystone.sessions.models import Session
from keystone.testing.factories import UserFactory, approver, superuser
from tests.approval.admin_pages import DECISION, PEOPLE, QUEUE, browser, listed, unverified, waiting

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(root: User) -> Client:
    """A superuser's browser."""
    return browser(root)


@pytest.fixture
def two_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists with two rows a page."""
    for model in (User, AwaitingDecision, Session, AuditEvent, Group):
        monkeypatch.setattr(admin.site.get_model_admin(model), "list_per_page", 2)


def five(show: str) -> list[User]:
    """Five people on this list of the queue, in its order, of the domain acme.io."""
    if show == "unverified":
        return [
            UserFactory(
                status=Status.PENDING_EMAIL_VERIFICATION,
                approval_flow=ApprovalFlow.EMAIL_VERIFICATION_AND_ADMIN_APPROVAL,
                email=f"u{number}@acme.io",
            )
            for number in range(5)
        ]
    return [waiting(email=f"w{number}@acme.io", rejection_count=1) for number in range(5)]


def test_the_last_row_of_the_last_page_leaves_the_filter_and_the_page_before(client: Client, two_a_page: None) -> None:
    for show in ("waiting", "unverified", "everybody"):
        rejected = "no" if show == "unverified" else "yes"
        for more in ("", "&q=acme", f"&q=acme&rejected={rejected}", "&created_at_from=2000-01-01"):
            User.objects.filter(email__endswith="@acme.io").delete()
            people = five(show)
            query = f"show={show}{more}&p=3"
            assert listed(client.get(f"{QUEUE}?{query}")) == [people[4].email], query
            response = client.post(f"{QUEUE}{people[4].pk}/reject/?{query}", {**DECISION, "reason": "x"})
            assert response["Location"] == f"{QUEUE}?{query}"
            page = client.get(response["Location"])
            assert page.status_code == 200, query
            assert listed(page) == [people[2].email, people[3].email], query
            assert page.context["cl"].page_num == 2


def test_bulk_decision_on_the_last_page_comes_back_to_the_page_before(client: Client, two_a_page: None) -> None:
    people = five("unverified")
    query = "?show=unverified&q=acme&p=3"
    asked = client.post(f"{QUEUE}{query}", {"action": "reject_selected", "_selected_action": [str(people[4].pk)]})
    assert asked.context["action"] == f"{QUEUE}bulk/reject/{query}"
    response = client.post(asked.context["action"], {**DECISION, "reason": "x", "id": [str(people[4].pk)]})
    result = client.get(response["Location"])
    assert result.context["back"] == f"{QUEUE}{query}"
    assert listed(client.get(result.context["back"])) == [people[2].email, people[3].email]


def test_select_across_from_a_page_that_has_gone_still_decides(client: Client, two_a_page: None) -> None:
    people = five("waiting")
    everybody = {"action": "approve_selected", "_selected_action": [str(people[0].pk)], "select_across": "1"}
    asked = client.post(f"{QUEUE}?q=acme&p=3", everybody)
    selection = asked.context["selection"]
    people[4].delete()
    hidden = {"across": "1", "shown_at": selection.shown_at.isoformat(), "shown": "5"}
    client.post(asked.context["action"], {**DECISION, **hidden})
    assert User.objects.filter(email__endswith="@acme.io", status=Status.ACTIVE).count() == 4


def test_every_list_goes_back_to_its_last_page(client: Client, two_a_page: None, root: User) -> None:
    Group.objects.all().delete()
    for number in range(3):
        waiting(email=f"w{number}@acme.io")
        Group.objects.create(name=f"group {number}")
        Session.objects.create(user=root, refresh_digest="", expires_at="2099-01-01T00:00:00Z")
        AuditEvent.objects.create(
            actor_kind="system", actor_label="x", action="user.changed", target_type="user", target_id=str(root.pk)
        )
    cases = (
        (f"{PEOPLE}?status=pending_admin_approval&q=acme", 2),
        (f"{QUEUE}?show=everybody", 2),
        ("/admin/keystone/session/?state=open", 2),
        ("/admin/keystone/auditevent/?action=user.changed", 2),
        ("/admin/auth/group/?q=group", 2),
    )
    for address, last in cases:
        for asked, shown in ((99, last), (0, 1), (-3, 1), ("none", 1)):
            page = client.get(f"{address}&p={asked}")
            assert page.status_code == 200, (address, asked)
            assert page.context["cl"].page_num == shown, (address, asked)
            assert page.context["cl"].result_count == 3


def test_a_persons_pages_lead_back_to_the_list_as_it_was(client: Client) -> None:
    kept = "status=active&status=rejected&q=acme&p=2"
    carried = "?" + urlencode({"_changelist_filters": kept})
    user = waiting(email="ann@acme.io")
    page = client.get(f"{PEOPLE}{user.pk}/change/{carried}")
    links = [transition["link"] for transition in page.context["transitions"]] + [
        tab["link"] for tab in page.context["tabs"]
    ]
    assert links
    assert all(link.endswith(carried) for link in links), links
    assert f"/password/?_changelist_filters={quote(kept, safe='')}" in page.content.decode()
    decision = f"{PEOPLE}{user.pk}/approve/{carried}"
    assert client.get(decision).context["back"] == f"{PEOPLE}{user.pk}/change/{carried}"
    response = client.post(decision, DECISION)
    assert response["Location"] == f"{PEOPLE}{user.pk}/change/{carried}"


def test_the_tile_of_those_who_wait_opens_the_queue_for_those_who_decide() -> None:
    def links(user: User) -> dict[str, Any]:
        tiles = browser(user).get("/admin/").context["statuses"]
        return {tile["name"]: tile["link"] for tile in tiles}

    assert links(superuser())["pending_admin_approval"] == QUEUE
    assert links(approver())["pending_admin_approval"] == QUEUE
    assert links(approver("view_user"))["pending_admin_approval"] == f"{PEOPLE}?status=pending_admin_approval"
    assert links(approver())["active"] == f"{PEOPLE}?status=active"


def test_an_unverified_person_stands_in_the_queue_of_both(client: Client) -> None:
    user = unverified(email="u@acme.io")
    assert listed(client.get(f"{QUEUE}?show=everybody&q=acme&p=7")) == [user.email]
