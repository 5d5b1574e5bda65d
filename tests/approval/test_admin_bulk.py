"""Deciding on many at once: what is asked, who is decided on, and what is said of each."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from keystone.accounts.lifecycle import approve_user
from keystone.accounts.models import User
from keystone.accounts.status import ApprovalFlow, Status
from keystone.actors.actor import Actor
from keystone.audit.models import AuditEvent
from keystone.privacy.erasing import erase_person
from keystone.testing.factories import superuser
from tests.approval.admin_pages import DECISION, QUEUE, browser, unverified, waiting

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(anna: User) -> Client:
    """Anna's browser."""
    return browser(anna)


def test_get_of_a_bulk_decision_changes_nothing(client: Client) -> None:
    user = waiting()
    response = client.get(f"{QUEUE}bulk/approve/", {"id": str(user.pk), "across": "1"})
    assert response.status_code == 302
    user.refresh_from_db()
    assert user.status == Status.PENDING_ADMIN_APPROVAL


def test_bulk_result_says_what_happened_to_each(client: Client) -> None:
    first = waiting(email="ann@example.com", first_name="Ann", last_name="Smith")
    second = unverified(email="bob@example.com", first_name="Bob", last_name="Jones")
    third = waiting(email="eve@example.com")
    selected = [str(user.pk) for user in (first, second, third)]
    page = client.post(QUEUE, {"action": "approve_selected", "_selected_action": selected, "select_across": "0"})
    assert page.status_code == 200
    assert page.context["selection"].count == 3
    assert page.context["selection"].unverified == 1
    assert "Approve 3 people?" in page.content.decode()
    approve_user(third, by=Actor.administrator(superuser(email="zoe@example.com")), notify=False)
    response = client.post(f"{QUEUE}bulk/approve/", {**DECISION, "id": selected})
    assert response.status_code == 302
    assert response["Location"].startswith(f"{QUEUE}result/")
    page = client.get(response["Location"])
    result = page.context["result"]
    assert [person["email"] for person in result.done.people] == ["ann@example.com"]
    refused = {group.code: [person["email"] for person in group.people] for group in result.refused}
    assert refused == {"address_unverified": ["bob@example.com"], "already_decided": ["eve@example.com"]}
    assert "Already approved by zoe@example.com on " in page.content.decode()
    assert list(
        User.objects.filter(pk__in=selected, status=Status.ACTIVE).values_list("email", flat=True).order_by("email")
    ) == [
        "ann@example.com",
        "eve@example.com",
    ]


def test_bulk_approval_of_unverified_people_needs_the_tick(client: Client) -> None:
    user = unverified()
    client.post(f"{QUEUE}bulk/approve/", {**DECISION, "id": [str(user.pk)], "even_unverified": "on"})
    user.refresh_from_db()
    assert user.status == Status.ACTIVE


def across(client: Client, query: str = "") -> dict[str, Any]:
    """Select everybody in the list, and the hidden fields of the page that asks."""
    one = User.objects.undecided().order_by("pk").first()
    assert one is not None
    page = client.post(
        f"{QUEUE}{query}",
        {"action": "approve_selected", "_selected_action": [str(one.pk)], "select_across": "1"},
    )
    selection = page.context["selection"]
    assert selection.ids is None
    assert 'name="id"' not in page.content.decode()
    return {"across": "1", "shown_at": selection.shown_at.isoformat(), "shown": str(selection.count)}


def test_select_across_decides_on_whom_the_filters_show(client: Client) -> None:
    for number in range(3):
        waiting(email=f"in{number}@acme.io")
    outside = waiting(email="out@example.com")
    hidden = across(client, "?q=acme")
    assert hidden["shown"] == "3"
    response = client.post(f"{QUEUE}bulk/approve/?q=acme", {**DECISION, **hidden})
    result = client.get(response["Location"]).context["result"]
    assert (result.done.count, result.refused_count, result.changed) == (3, 0, 0)
    outside.refresh_from_db()
    assert outside.status == Status.PENDING_ADMIN_APPROVAL


def test_select_across_leaves_alone_who_joins_or_changes_later(client: Client) -> None:
    stays = waiting(email="stays@example.com")
    changes = waiting(email="changes@example.com")
    hidden = across(client)
    changes.first_name = "Somebody else"
    changes.save()
    joins = waiting(email="joins@example.com")
    response = client.post(f"{QUEUE}bulk/approve/", {**DECISION, **hidden})
    page = client.get(response["Location"])
    assert [person["email"] for person in page.context["result"].done.people] == ["stays@example.com"]
    assert "1 person changed after the page was shown and was skipped." in page.content.decode()
    statuses = {user.email: User.objects.get(pk=user.pk).status for user in (stays, changes, joins)}
    assert statuses == {
        "stays@example.com": Status.ACTIVE,
        "changes@example.com": Status.PENDING_ADMIN_APPROVAL,
        "joins@example.com": Status.PENDING_ADMIN_APPROVAL,
    }


def test_select_across_sent_twice_decides_once(client: Client) -> None:
    waiting()
    waiting()
    hidden = across(client)
    for _time in range(2):
        response = client.post(f"{QUEUE}bulk/approve/", {**DECISION, **hidden})
        assert response.status_code == 302
        assert client.get(response["Location"]).status_code == 200
    assert AuditEvent.objects.filter(action="user.approved").count() == 2


def test_select_across_that_finds_more_than_was_shown_asks_again(client: Client) -> None:
    waiting()
    waiting()
    hidden = {**across(client), "shown": "1"}
    response = client.post(f"{QUEUE}bulk/approve/", {**DECISION, **hidden})
    assert response.status_code == 200
    assert response.context["selection"].count == 2
    assert not AuditEvent.objects.exists()


def test_two_thousand_are_decided_in_a_bounded_number_of_queries(
    client: Client, django_assert_max_num_queries: Any
) -> None:
    now = timezone.now() - timedelta(minutes=1)
    people = [
        User(
            email=f"p{number}@example.com",
            email_normalized=f"p{number}@example.com",
            status=Status.PENDING_ADMIN_APPROVAL,
            approval_flow=ApprovalFlow.EMAIL_VERIFICATION_AND_ADMIN_APPROVAL,
            status_changed_at=now,
            updated_at=now,
            awaiting_since=now,
            email_verified_at=now,
        )
        for number in range(2_000)
    ]
    User.objects.bulk_create(people)
    User.objects.update(updated_at=now)
    hidden = across(client)
    assert hidden["shown"] == "2000"
    with django_assert_max_num_queries(40):
        response = client.post(f"{QUEUE}bulk/approve/", {**DECISION, **hidden})
    page = client.get(response["Location"])
    result = page.context["result"]
    assert (result.done.count, len(result.done.people), result.done.unnamed) == (2_000, 100, 1_900)
    assert "and 1,900 more" in page.content.decode()
    assert User.objects.filter(status=Status.ACTIVE, email__startswith="p").count() == 2_000
    assert AuditEvent.objects.filter(action="user.approved").count() == 2_000


def test_keys_that_are_none_are_ignored(client: Client) -> None:
    user = waiting()
    page = client.post(QUEUE, {"action": "approve_selected", "_selected_action": ["1' OR 1=1"], "select_across": "0"})
    assert page.status_code == 302
    response = client.post(f"{QUEUE}bulk/approve/", {**DECISION, "id": ["nonsense", "\x00"]})
    assert response.status_code == 302
    assert client.get(f"{QUEUE}nonsense/approve/").status_code == 404
    user.refresh_from_db()
    assert user.status == Status.PENDING_ADMIN_APPROVAL


def test_the_session_keeps_ids_of_a_result_and_no_names(client: Client) -> None:
    ann = waiting(email="ann@example.com", first_name="Ann", last_name="Smith")
    eve = waiting(email="eve@example.com", first_name="Eve")
    approve_user(eve, by=Actor.administrator(superuser(email="zoe@example.com")), notify=False)
    answer = client.post(f"{QUEUE}bulk/approve/", {**DECISION, "id": [str(ann.pk), str(eve.pk)]})
    kept = json.dumps(client.session["decision_results"])
    assert str(ann.pk) in kept
    assert [name for name in ("ann@", "Ann", "Smith", "eve@", "Eve", "zoe@") if name in kept] == []
    erase_person(ann, by=Actor.cli())
    page = client.get(answer["Location"])
    assert [person["name"] for person in page.context["result"].done.people] == [""]
    assert "Already approved by zoe@example.com on " in page.content.decode()
    assert "ann@example.com" not in page.content.decode()
