"""Signing in to the admin in two steps: nobody is in between them."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth import SESSION_KEY
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from keystone.accounts.models import User
from keystone.accounts.passwords import set_password
from keystone.accounts.status import Status
from keystone.actors.actor import Actor
from keystone.audit.models import AuditEvent
from keystone.passwords.hashing_slots import hashing_slots
from keystone.sign_in.in_browser import PENDING
from keystone.testing.factories import PASSWORD, UserFactory, approver, superuser
from keystone.throttling.models import AttemptWindow
from keystone.two_factor import enrolment
from keystone.two_factor.recovery_codes import use_recovery_code
from tests.approval.admin_pages import told
from tests.two_factor.phone import WRONG, fresh_code, set_up

pytestmark = pytest.mark.django_db
LOGIN, CODE, PEOPLE = "/admin/login/", "/admin/login/code/", "/admin/keystone/user/"
REFUSED = "Please enter a correct email address and password."


@pytest.fixture
def anna() -> User:
    """Staff with a second factor."""
    user = approver(email="anna@example.com")
    set_up(user)
    return user


def give_password(client: Client, user: User, *, query: str = "", password: str = PASSWORD) -> Any:
    return client.post(f"{LOGIN}{query}", {"username": user.email, "password": password})


def is_in(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


def test_without_a_second_factor_the_password_is_enough(client: Client) -> None:
    anna = approver()
    response = give_password(client, anna, query=f"?next={PEOPLE}")
    assert (response.status_code, response["Location"]) == (302, PEOPLE)
    assert is_in(client)
    event = AuditEvent.objects.get()
    assert (event.action, event.actor_id) == ("user.signed_in", anna.pk)
    anna.refresh_from_db()
    assert anna.last_login is not None
    assert client.get(f"{LOGIN}?next={PEOPLE}")["Location"] == PEOPLE  # is in already
    assert client.get(CODE)["Location"] == LOGIN  # and needs no code


def test_the_password_alone_signs_nobody_in_who_has_a_second_factor(client: Client, anna: User) -> None:
    response = give_password(client, anna, query=f"?next={PEOPLE}")
    assert response["Location"] == f"{CODE}?next=%2Fadmin%2Fkeystone%2Fuser%2F"
    assert SESSION_KEY not in client.session
    assert set(client.session[PENDING]) == {"user", "proof", "at"}
    for address in ("/admin/", PEOPLE, "/admin/two-factor/", "/admin/password_change/"):
        assert client.get(address)["Location"].startswith(f"{LOGIN}?next=")
    page = client.get(response["Location"]).content.decode()
    assert "anna@example.com" in page
    assert 'autocomplete="one-time-code"' in page
    assert 'inputmode="numeric"' in page
    assert not AuditEvent.objects.filter(action="user.signed_in").exists()


def test_password_and_code_sign_in(client: Client, anna: User) -> None:
    give_password(client, anna)
    before = client.session.session_key
    response = client.post(f"{CODE}?next={PEOPLE}", {"code": fresh_code(anna), "next": PEOPLE})
    assert (response.status_code, response["Location"]) == (302, PEOPLE)
    assert client.session.session_key != before
    assert PENDING not in client.session
    assert is_in(client)
    assert AuditEvent.objects.filter(action="user.signed_in", actor_id=anna.pk).count() == 1


def test_a_recovery_code_signs_in_and_tells_how_many_are_left(client: Client, anna: User) -> None:
    [code, *_rest] = enrolment.new_recovery_codes(anna, by=Actor.cli())
    give_password(client, anna)
    page = client.get(f"{CODE}?recovery=1&next=/admin/").content.decode()
    assert "Recovery code" in page
    assert "inputmode" not in page
    response = client.post(f"{CODE}?recovery=1", {"code": code.lower()})
    assert told(response) == ["You signed in with a recovery code. 9 are left."]
    assert is_in(client)
    client.logout()
    give_password(client, anna)
    assert client.post(CODE, {"code": code}).status_code == 200
    assert not is_in(client)


def test_the_last_recovery_codes_are_told_of_in_time(client: Client, anna: User) -> None:
    [code, _left, *others] = enrolment.new_recovery_codes(anna, by=Actor.cli())
    for other in others:
        assert use_recovery_code(anna, other.replace("-", ""))
    give_password(client, anna)
    [message] = told(client.post(CODE, {"code": code}))
    assert message == (
        "You signed in with a recovery code. 1 is left. Create new ones under “Two-factor sign-in” in the menu."
    )


def test_wrong_codes_are_limited_and_the_right_one_with_them(client: Client, anna: User) -> None:
    give_password(client, anna)
    for _attempt in range(5):
        response = client.post(CODE, {"code": WRONG})
        assert (response.status_code, is_in(client)) == (200, False)
        assert "This code is wrong or has already been used." in response.content.decode()
    response = client.post(CODE, {"code": fresh_code(anna)})
    assert response.status_code == 429
    assert 0 < int(response["Retry-After"]) <= 900
    assert "Too many attempts. Try again in 15 minutes." in response.content.decode()
    assert not is_in(client)
    response = give_password(client, anna)  # the limit is one, whichever secret is guessed at
    assert (response.status_code, int(response["Retry-After"]) > 0) == (429, True)
    assert "Too many attempts." in response.content.decode()


def test_wrong_passwords_are_limited_and_the_right_one_with_them(client: Client) -> None:
    anna = approver()
    for _attempt in range(5):
        response = give_password(client, anna, password="wrong")
        assert response.status_code == 200
        assert REFUSED in response.content.decode()
    response = give_password(client, anna)
    assert (response.status_code, response.has_header("Retry-After")) == (429, True)
    assert REFUSED not in response.content.decode()
    assert not is_in(client)


def test_a_blank_code_counts_for_nothing(client: Client, anna: User) -> None:
    give_password(client, anna)
    counted = dict(AttemptWindow.objects.values_list("limit", "count"))
    assert "This field is required." in client.post(CODE, {"code": " "}).content.decode()
    assert client.post(CODE, {"code": "-"}).status_code == 200
    assert client.post(CODE, {"code": "1" * 65}).status_code == 200
    assert dict(AttemptWindow.objects.values_list("limit", "count")) == counted


def test_the_status_is_told_after_a_right_password_only(client: Client) -> None:
    until = datetime(2030, 1, 31, 12, tzinfo=UTC)
    cases: list[tuple[dict[str, Any], str, str]] = [
        ({}, "not_staff", "Your account has no access to the admin. A superuser can grant it."),
        (
            {"status": Status.PENDING_EMAIL_VERIFICATION, "verified": False},
            "email_unverified",
            "Verify your email address first. The link is in the email that we sent you.",
        ),
        (
            {"status": Status.PENDING_ADMIN_APPROVAL},
            "approval_pending",
            "Your registration is awaiting an administrator's approval. We will email you.",
        ),
        (
            {"status": Status.REJECTED, "status_reason": "No such team"},
            "rejected",
            "Your registration was not approved. Reason: No such team",
        ),
        (
            {"status": Status.SUSPENDED, "is_staff": True, "suspended_until": until, "status_reason": "Late fees"},
            "suspended",
            "Your account is suspended. The suspension ends on 31 Jan 2030, 12:00 UTC. Reason: Late fees",
        ),
        ({"status": Status.DEACTIVATED, "is_staff": True}, "deactivated", "Your account is deactivated."),
    ]
    for sign_in in (LOGIN, "/api/session/login/"):
        for account, code, message in cases:
            user = UserFactory(**account)
            for password, told_of in (("wrong", ("invalid_login", REFUSED)), (PASSWORD, (code, message))):
                response = client.post(sign_in, {"username": user.email, "password": password})
                if told_of[0] == "not_staff" and sign_in != LOGIN:
                    assert response.status_code == 302  # the browsable API is open to everybody with an account
                    client.logout()
                    continue
                assert response.status_code == 200
                [error] = response.context["form"].errors.as_data()["__all__"]
                assert (error.code, *error.messages) == told_of
                assert SESSION_KEY not in client.session
    response = client.post(LOGIN, {"username": "nobody@example.com", "password": PASSWORD})
    assert response.context["form"].errors == {"__all__": [REFUSED]}


def test_a_right_password_beyond_the_limit_tells_no_status(client: Client) -> None:
    user = UserFactory(status=Status.PENDING_ADMIN_APPROVAL)
    for _attempt in range(5):
        give_password(client, user, password="wrong")
    response = give_password(client, user)
    assert response.status_code == 429
    assert [error.code for error in response.context["form"].errors.as_data()["__all__"]] == ["rate_limited"]


@pytest.mark.parametrize("password", ["x" * 257, "", "\x00"])
def test_what_can_be_no_password_is_refused_unhashed(client: Client, password: str) -> None:
    response = give_password(client, approver(), password=password)
    assert response.status_code == 200
    assert list(response.context["form"].errors) == ["password"]
    assert not AttemptWindow.objects.exists()


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "\\\\evil.example"]
)
def test_next_is_followed_within_the_site_only(client: Client, anna: User, target: str) -> None:
    response = client.post(LOGIN, {"username": approver().email, "password": PASSWORD, "next": target})
    assert response["Location"] == "/admin/"
    client.logout()
    assert give_password(client, anna, query=f"?next={target}")["Location"] == CODE
    assert client.post(f"{CODE}?next={target}", {"code": fresh_code(anna)})["Location"] == "/admin/"


def test_five_minutes_are_given_between_the_steps(client: Client, anna: User, monkeypatch: pytest.MonkeyPatch) -> None:
    give_password(client, anna)
    begun = time.time()
    monkeypatch.setattr("keystone.sign_in.in_browser.time.time", lambda: begun + 290)
    assert client.get(CODE).status_code == 200
    monkeypatch.setattr("keystone.sign_in.in_browser.time.time", lambda: begun + 302)
    response = client.post(CODE, {"code": fresh_code(anna)})
    assert response["Location"] == LOGIN
    assert told(response) == ["That took too long, or your account has changed. Please sign in again."]
    assert PENDING not in client.session
    assert not is_in(client)


@pytest.mark.parametrize(
    "change",
    [
        lambda user: set_password(user, password="quite another one", by=Actor.cli()),
        lambda user: User.objects.filter(pk=user.pk).update(access_version=user.access_version + 1),
        lambda user: User.objects.filter(pk=user.pk).update(status=Status.DEACTIVATED),
        lambda user: User.objects.filter(pk=user.pk).update(status_changed_at=timezone.now() + timedelta(seconds=1)),
        lambda user: enrolment.remove(user, by=Actor.cli()),
        lambda user: User.objects.filter(pk=user.pk).delete(),
    ],
    ids=["password", "access version", "status", "status and back", "second factor", "gone"],
)
def test_what_ends_access_between_the_steps_ends_the_sign_in(client: Client, anna: User, change: Any) -> None:
    give_password(client, anna)
    code = fresh_code(anna)
    change(anna)
    assert client.post(CODE, {"code": code})["Location"] == LOGIN
    assert not is_in(client)


def test_the_second_step_is_nothing_without_the_first(client: Client, anna: User) -> None:
    for method in (client.get, client.post):
        assert method(CODE, {"code": fresh_code(anna)})["Location"] == LOGIN
    assert SESSION_KEY not in client.session


def test_one_signs_in_as_somebody_else(client: Client, anna: User) -> None:
    root = superuser(email="root@example.com")
    client.force_login(root)
    give_password(client, anna)
    assert client.session[SESSION_KEY] == str(root.pk)
    client.post(CODE, {"code": fresh_code(anna)})
    assert client.session[SESSION_KEY] == str(anna.pk)
    assert is_in(client)


def test_the_form_is_guarded_against_other_sites(anna: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert give_password(strict, anna).status_code == 403
    assert strict.post(CODE, {"code": "123456"}).status_code == 403


def test_hashing_that_is_busy_is_told_with_503(client: Client, settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["keystone.passwords.hashers.Argon2idHasher"]
    settings.KEYSTONE = {"PASSWORD_HASHING_PARALLEL": 1, "PASSWORD_HASHING_WAITING": 0}
    anna = approver()
    with hashing_slots().slot():
        response = give_password(client, anna)
    assert (response.status_code, response["Retry-After"]) == (503, "1")
    assert "Too many people are signing in at this moment." in response.content.decode()
    assert is_in(client) is False
    assert give_password(client, anna).status_code == 302
