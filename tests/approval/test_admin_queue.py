"""The queue: who stands in it, and deciding on one person or many."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from keystone.accounts.lifecycle import approve_user
from keystone.accounts.models import User
from keystone.accounts.status import ApprovalFlow, Status
from keystone.actors.actor import Actor
from keystone.audit.models import AuditEvent
from keystone.mail.models import OutgoingMail
from keystone.testing.factories import UserFactory, superuser
from tests.approval.admin_pages import DECISION, QUEUE, browser, listed, told, unverified, waiting
from tests.mail.sending import deliver

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(anna: User) -> Client:
    """Anna's browser."""
    return browser(anna)


def test_queue_shows_who_waits_oldest_first(client: Client) -> None:
    now = timezone.now()
    waiting(email="second@example.com", awaiting_since=now - timedelta(hours=2))
    waiting(email="first@example.com", awaiting_since=now - timedelta(days=3))
    UserFactory(status=Status.PENDING_EMAIL_VERIFICATION, email="unverified@example.com")
    UserFactory(email="active@example.com")
    response = client.get(QUEUE)
    assert listed(response) == ["first@example.com", "second@example.com"]
    assert listed(client.get(f"{QUEUE}?show=unverified")) == ["unverified@example.com"]
    assert sorted(listed(client.get(f"{QUEUE}?show=everybody"))) == [
        "first@example.com",
        "second@example.com",
        "unverified@example.com",
    ]


def test_queue_row_says_who_waits_and_how_long(client: Client) -> None:
    user = unverified(
        email="ann@example.com",
        first_name="Ann",
        last_name="<b>Smith",
        awaiting_since=timezone.now() - timedelta(days=3, hours=1),
        rejection_count=2,
    )
    page = client.get(QUEUE).content.decode()
    assert "Ann &lt;b&gt;Smith" in page
    assert "ann@<wbr><b>example.com</b>" in page
    assert "Not verified" in page
    assert "3\xa0days" in page
    assert "rejected 2 times" in page
    for transition in ("approve", "reject"):
        assert f'href="{QUEUE}{user.pk}/{transition}/"' in page
    assert re.search(r">\s*1\s*<", page)  # the badge in the sidebar


def test_queue_searches_by_word_prefix_of_name_and_domain(client: Client) -> None:
    waiting(email="ann@acme.io", first_name="Annabel", last_name="Lee")
    waiting(email="bob@example.com", first_name="Bob", last_name="Lee")
    assert listed(client.get(f"{QUEUE}?q=anna")) == ["ann@acme.io"]
    assert listed(client.get(f"{QUEUE}?q=acme.io")) == ["ann@acme.io"]
    assert listed(client.get(f"{QUEUE}?q=nnabel")) == []


def test_approval_by_button_asks_then_approves_and_tells(
    client: Client, anna: User, django_capture_on_commit_callbacks: Any
) -> None:
    user = waiting(email="ann@example.com", first_name="Ann", last_name="Smith")
    address = f"{QUEUE}{user.pk}/approve/"
    page = client.get(address)
    assert page.status_code == 200
    assert "Approve Ann Smith?" in page.content.decode()
    user.refresh_from_db()
    assert user.status == Status.PENDING_ADMIN_APPROVAL
    with django_capture_on_commit_callbacks(execute=True):
        response = client.post(address, {**DECISION, "reason": "Welcome aboard", "note": "Known to Bob"})
    assert response.status_code == 302
    assert response["Location"] == QUEUE
    assert told(response) == []  # the list says it, beside the offer to undo it
    user.refresh_from_db()
    assert user.status == Status.ACTIVE
    event = AuditEvent.objects.get(action="user.approved")
    assert (event.actor_id, event.actor_kind, event.target_id) == (anna.pk, "administrator", str(user.pk))
    assert (event.reason, event.note) == ("Welcome aboard", "Known to Bob")
    assert mail.outbox == []
    OutgoingMail.objects.update(next_attempt_at=timezone.now())
    deliver(list(OutgoingMail.objects.values_list("pk", flat=True)))
    assert [message.to for message in mail.outbox] == [["ann@example.com"]]
    assert "Welcome aboard" in mail.outbox[0].body
    assert "Known to Bob" not in mail.outbox[0].body


def test_rejection_can_be_silent(client: Client, django_capture_on_commit_callbacks: Any) -> None:
    user = waiting(email="ann@example.com", first_name="Ann", last_name="Smith")
    with django_capture_on_commit_callbacks(execute=True):
        response = client.post(f"{QUEUE}{user.pk}/reject/", {"reason": "No employer", "note": ""})
    assert told(response) == []
    text = client.get(response["Location"]).context["undo"]["text"]
    assert text.startswith("Ann Smith (ann@example.com) was rejected. No mail will be sent. You can undo this until ")
    user.refresh_from_db()
    assert (user.status, user.status_reason, user.rejection_count) == (Status.REJECTED, "No employer", 1)
    assert mail.outbox == []


def test_unverified_person_is_approved_only_with_the_tick(client: Client) -> None:
    user = unverified()
    address = f"{QUEUE}{user.pk}/approve/"
    response = client.post(address, DECISION)
    assert response.status_code == 200
    assert response.context["form"].errors == {
        "even_unverified": ["Select this to approve somebody whose email address is not verified."]
    }
    user.refresh_from_db()
    assert user.status == Status.PENDING_ADMIN_APPROVAL
    assert client.post(address, {**DECISION, "even_unverified": "on"}).status_code == 302
    user.refresh_from_db()
    assert user.status == Status.ACTIVE


def test_second_decision_is_told_who_was_first(client: Client) -> None:
    user = waiting(email="ann@example.com", first_name="Ann", last_name="Smith")
    approve_user(user, by=Actor.administrator(superuser(email="bob@example.com")), notify=False)
    for response in (
        client.get(f"{QUEUE}{user.pk}/approve/"),
        client.post(f"{QUEUE}{user.pk}/reject/", DECISION),
    ):
        assert response.status_code == 302
        message = told(response)[-1]
        assert message.startswith(
            "Ann Smith (ann@example.com) was not changed: Already approved by bob@example.com on "
        )
    assert AuditEvent.objects.filter(action="user.approved").count() == 1
    assert AuditEvent.objects.filter(action="user.rejected").count() == 0


def test_decision_returns_to_the_list_as_it_was_filtered(client: Client) -> None:
    user = waiting(first_name="Ann")
    response = client.post(f"{QUEUE}{user.pk}/approve/?q=ann", DECISION)
    assert response["Location"] == f"{QUEUE}?q=ann"


def test_post_without_csrf_token_is_refused(anna: User) -> None:
    user = waiting()
    client = Client(enforce_csrf_checks=True)
    client.force_login(anna)
    assert client.post(f"{QUEUE}{user.pk}/approve/", DECISION).status_code == 403
    user.refresh_from_db()
    assert user.status == Status.PENDING_ADMIN_APPROVAL


@pytest.mark.parametrize("show", ["waiting", "everybody"])
def test_queue_costs_the_same_at_one_and_three_rows(client: Client, show: str) -> None:
    waiting()
    with CaptureQueriesContext(connection) as one:
        client.get(f"{QUEUE}?show={show}")
    waiting()
    unverified()
    with CaptureQueriesContext(connection) as three:
        client.get(f"{QUEUE}?show={show}")
    assert len(three) == len(one)
    assert len(one) <= 8


def test_badge_counts_no_further_than_it_shows(client: Client) -> None:
    from keystone.approval.admin import sidebar

    assert sidebar.waiting_badge(None) == ""  # type: ignore[arg-type]  # it needs no request
    waiting()
    assert sidebar.waiting_badge(None) == "1"  # type: ignore[arg-type]  # the same
    now = timezone.now()
    User.objects.bulk_create(
        User(
            email=f"p{number}@example.com",
            email_normalized=f"p{number}@example.com",
            status=Status.PENDING_ADMIN_APPROVAL,
            approval_flow=ApprovalFlow.ADMIN_APPROVAL,
            status_changed_at=now,
            awaiting_since=now,
        )
        for number in range(1_000)
    )
    assert sidebar.waiting_badge(None) == "999+"  # type: ignore[arg-type]  # the same


def test_reverse_names_are_stable() -> None:
    assert reverse("admin:keystone_awaitingdecision_bulk_approve") == f"{QUEUE}bulk/approve/"
