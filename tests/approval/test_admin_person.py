"""The page of a person in the admin: made, moved, given a password, and their history."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from keystone.accounts.models import User
from keystone.accounts.status import ApprovalFlow, Status
from keystone.audit.models import AuditEvent
from keystone.sessions.models import Session
from keystone.testing.factories import PASSWORD, UserFactory, approver
from keystone.text import EMPTY
from tests.approval.admin_pages import NAMES, PEOPLE, browser, page_of, told

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(root: User) -> Client:
    """The superuser's browser."""
    return browser(root)


def test_superuser_sets_a_password_and_the_sessions_end(client: Client) -> None:
    user = UserFactory()
    session = Session.objects.create(user=user, refresh_digest="", expires_at=timezone.now() + timedelta(days=1))
    address = f"{PEOPLE}{user.pk}/password/"
    assert client.get(address).status_code == 200
    differ = client.post(address, {"password1": "long enough 77", "password2": "long enough 78"})
    assert differ.context["form"].errors == {"password2": ["The two passwords don't match."]}
    assert client.post(address, {"password1": "long enough 77", "password2": "long enough 77"}).status_code == 302
    session.refresh_from_db()
    assert session.revoked_at is not None
    assert User.objects.get(pk=user.pk).check_password("long enough 77")
    event = AuditEvent.objects.get()
    assert (event.action, event.changes, event.target_id) == ("user.password_set", {}, str(user.pk))


def test_own_password_is_changed_with_the_old_one(client: Client, root: User) -> None:
    assert client.get(f"{PEOPLE}{root.pk}/password/")["Location"] == "/admin/password_change/"
    session = Session.objects.create(user=root, refresh_digest="", expires_at=timezone.now() + timedelta(days=1))
    new = {"new_password1": "long enough 77", "new_password2": "long enough 77"}
    assert client.get("/admin/password_change/").status_code == 200
    assert client.post("/admin/password_change/", {"old_password": "wrong", **new}).status_code == 200
    assert client.post("/admin/password_change/", {"old_password": PASSWORD, **new}).status_code == 302
    assert client.get("/admin/password_change/done/").status_code == 200  # this browser stays signed in
    session.refresh_from_db()
    assert session.revoked_at is not None
    assert list(AuditEvent.objects.values_list("action", flat=True)) == ["user.password_changed"]


@pytest.mark.parametrize(
    ("status", "transitions"),
    [
        (Status.PENDING_EMAIL_VERIFICATION, ["approve", "reject"]),
        (Status.PENDING_ADMIN_APPROVAL, ["approve", "reject"]),
        (Status.ACTIVE, ["suspend", "deactivate"]),
        (Status.REJECTED, ["reopen"]),
        (Status.SUSPENDED, ["reactivate", "deactivate"]),
        (Status.DEACTIVATED, ["reactivate"]),
    ],
)
def test_page_offers_the_legal_moves_only(client: Client, status: str, transitions: list[str]) -> None:
    user = UserFactory(status=status)
    assert [transition["name"] for transition in client.get(page_of(user)).context["transitions"]] == transitions
    decider = browser(approver())
    mine = [name for name in transitions if name in {"approve", "reject", "reopen"}]
    assert [transition["name"] for transition in decider.get(page_of(user)).context["transitions"]] == mine


def test_suspension_wants_a_reason_and_an_end_to_come(client: Client) -> None:
    user = UserFactory(first_name="Ann", last_name="Smith", email="ann@example.com")
    address = f"{PEOPLE}{user.pk}/suspend/"
    response = client.post(address, {"reason": " ", "note": "", "until_0": "2020-01-01", "until_1": "10:00"})
    assert response.context["form"].errors == {
        "reason": ["This field is required."],
        "until": ["The end must be in the future."],
    }
    end = timezone.now().replace(microsecond=0) + timedelta(days=2)
    body = {"reason": "Spam", "note": "", "until_0": end.date().isoformat(), "until_1": end.strftime("%H:%M:%S")}
    response = client.post(address, body)
    assert response["Location"] == page_of(user)
    assert told(response) == ["Ann Smith (ann@example.com) was suspended. No mail will be sent."]
    fresh = User.objects.get(pk=user.pk)
    assert (fresh.status, fresh.status_reason, fresh.suspended_until) == (Status.SUSPENDED, "Spam", end)


def test_history_tells_what_happened_in_words(client: Client) -> None:
    user = UserFactory(status=Status.PENDING_ADMIN_APPROVAL)
    client.post(f"{PEOPLE}{user.pk}/reject/", {"reason": "No <b>employer", "note": "Second time"})
    page = client.get(f"{PEOPLE}{user.pk}/history/").content.decode()
    for text in ("Rejected", "by root@example.com (administrator)", "No &lt;b&gt;employer", "Second time"):
        assert text in page
    assert "<span>Awaiting decision</span>" in page


def test_sessions_are_shown_to_those_who_may_see_them(client: Client) -> None:
    user = UserFactory()
    Session.objects.create(
        user=user, refresh_digest="", expires_at=timezone.now() - timedelta(days=1), user_agent="Firefox <1>"
    )
    page = client.get(f"{PEOPLE}{user.pk}/sessions/").content.decode()
    assert "Firefox &lt;1&gt;" in page
    assert "Ended" in page
    assert browser(approver()).get(f"{PEOPLE}{user.pk}/sessions/").status_code == 403


def test_sessions_name_the_device_and_say_what_is_known(client: Client) -> None:
    user = UserFactory()
    fields = {"user": user, "refresh_digest": "", "expires_at": timezone.now() + timedelta(days=1)}
    Session.objects.create(user_agent="Mozilla/5.0 (Windows NT 10.0) Firefox/130.0", ip_address="192.0.2.1", **fields)
    Session.objects.create(user_agent="", **fields)
    Session.objects.create(user_agent="a" * 41, **fields)
    page = client.get(f"{PEOPLE}{user.pk}/sessions/").content.decode()
    assert '<span title="Mozilla/5.0 (Windows NT 10.0) Firefox/130.0">Firefox on Windows</span>' in page
    assert f'<span title="{"a" * 41}">{"a" * 39}…</span>' in page
    assert ">Unknown device</span>" in page
    assert "less than a minute</time> ago" in page
    listed = client.get("/admin/keystone/session/").content.decode()
    assert '<span title="Mozilla/5.0 (Windows NT 10.0) Firefox/130.0">Firefox on Windows</span>' in listed
    assert listed.count('class="k-none"') == 3  # of one session no device, of two no IP address


def test_page_shows_a_flow_of_none_in_words_and_a_dash_where_nothing_is_granted(client: Client, root: User) -> None:
    user = UserFactory(approval_flow=ApprovalFlow.NONE)
    assert "<span>None</span>" in client.get(f"{PEOPLE}{user.pk}/change/").content.decode()
    own = client.get(f"{PEOPLE}{root.pk}/change/").content.decode()  # where the grants are only shown
    assert re.findall(r'class="readonly[^>]*>(.)</div>', own).count(EMPTY) >= 2
    assert not re.search(r'class="readonly[^>]*>-<', own)


def test_add_makes_an_active_account_and_tells(client: Client, django_capture_on_commit_callbacks: Any) -> None:
    body = {"email": "New@Example.com", **NAMES, "password1": "long enough 77", "notify": "on", "is_staff": "on"}
    with django_capture_on_commit_callbacks(execute=True):
        response = client.post(f"{PEOPLE}add/", body)
    made = User.objects.get(email_normalized="new@example.com")
    assert response["Location"] == PEOPLE
    assert (made.status, made.is_staff, made.check_password("long enough 77")) == (Status.ACTIVE, True, True)
    assert [message.to for message in mail.outbox] == [["New@Example.com"]]
    assert list(AuditEvent.objects.values_list("action", flat=True)) == ["user.created"]


def test_add_without_password_makes_an_account_without_one(client: Client) -> None:
    client.post(f"{PEOPLE}add/", {"email": "new@example.com", **NAMES, "password1": ""})
    assert not User.objects.get(email="new@example.com").has_usable_password()
    assert mail.outbox == []


@pytest.mark.parametrize(
    ("email", "password", "field"),
    [("root@EXAMPLE.com", "", "email"), ("nonsense", "", "email"), ("new@example.com", "12345678", "password1")],
)
def test_add_says_what_is_wrong_at_the_field(client: Client, email: str, password: str, field: str) -> None:
    response = client.post(f"{PEOPLE}add/", {"email": email, **NAMES, "password1": password})
    assert response.status_code == 200
    assert list(response.context["adminform"].form.errors) == [field]
    assert User.objects.count() == 1


def test_staff_cannot_make_staff(root: User) -> None:
    clerk = approver("add_user", "view_user")
    body = {"email": "new@example.com", **NAMES, "is_staff": "on", "is_superuser": "on", "password1": ""}
    assert browser(clerk).post(f"{PEOPLE}add/", body).status_code == 302
    made = User.objects.get(email="new@example.com")
    assert (made.is_staff, made.is_superuser, made.status) == (False, False, Status.ACTIVE)


def test_status_is_no_field_of_the_form(client: Client) -> None:
    user = UserFactory(first_name="Old")
    privileged = {"status": "suspended", "is_active": "", "email": "new@example.com", "password": "x", "id": "1"}
    response = client.post(page_of(user), {**NAMES, **privileged})
    assert response.status_code == 302
    fresh = User.objects.get(pk=user.pk)
    assert (fresh.first_name, fresh.last_name) == ("Ann", "Smith")
    assert (fresh.status, fresh.email, fresh.password) == (Status.ACTIVE, user.email, user.password)
    assert [event.action for event in AuditEvent.objects.all()] == ["user.changed"]
