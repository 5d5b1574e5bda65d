"""A set-up belongs to the session that began it, and a first one is begun with the password."""

import re
import time
from typing import Any

import pytest
from django.test import Client

from keystone.accounts.models import User
from keystone.actors.actor import Actor
from keystone.testing.factories import PASSWORD, approver
from keystone.throttling.models import AttemptWindow
from keystone.two_factor import enrolment
from keystone.two_factor.models import Authenticator
from tests.approval.admin_pages import browser, told
from tests.two_factor.phone import WRONG, fresh_code, set_up, shown, verified_browser

pytestmark = pytest.mark.django_db
STATE, BEGIN, SET_UP = "/admin/two-factor/", "/admin/two-factor/begin/", "/admin/two-factor/set-up/"
ASKED = "Enter your password again"


@pytest.fixture
def anna() -> User:
    return approver(email="anna@example.com")


def signed_in(user: User) -> Client:
    """A browser in which the password was given just now."""
    client = Client()
    client.post("/admin/login/", {"username": user.email, "password": PASSWORD})
    return client


def page(response: Any) -> str:
    text: str = response.content.decode()
    return text


def test_a_set_up_under_way_is_shown_to_no_other_session(anna: User) -> None:
    first, second = signed_in(anna), signed_in(anna)
    first.post(BEGIN)
    authenticator = Authenticator.objects.get()
    assert authenticator.secret in page(first.get(SET_UP))
    response = second.get(SET_UP)
    assert (response.status_code, response["Location"]) == (302, STATE)
    assert authenticator.secret not in page(second.get(SET_UP, follow=True))
    response = second.post(SET_UP, {"code": shown(authenticator)})  # whoever has seen it over somebody's shoulder
    assert (response["Location"], told(response)) == (STATE, ["This set-up has expired. Start again."])
    assert Authenticator.objects.get().confirmed is False
    assert len(re.findall(r"<li><code>", page(first.post(SET_UP, {"code": shown(authenticator)})))) == 10


def test_beginning_in_another_session_ends_the_set_up_of_the_first(anna: User) -> None:
    first, second = signed_in(anna), signed_in(anna)
    first.post(BEGIN)
    old = Authenticator.objects.get()
    second.post(BEGIN)
    new = Authenticator.objects.get()
    assert first.get(SET_UP)["Location"] == STATE
    assert new.secret in page(second.get(SET_UP))
    response = first.post(SET_UP, {"code": shown(old)})
    assert (response["Location"], told(response)) == (STATE, ["This set-up has expired. Start again."])


def test_moving_is_shown_to_the_session_that_gave_the_code_only(anna: User) -> None:
    set_up(anna)
    first, second = verified_browser(anna), verified_browser(anna)
    first.post(BEGIN, {"code": fresh_code(anna)})
    new = Authenticator.objects.get(confirmed=False)
    assert new.secret in page(first.get(SET_UP))
    assert second.get(SET_UP)["Location"] == STATE


@pytest.mark.parametrize(
    "meanwhile",
    [enrolment.begin, lambda user: enrolment.remove(user, by=Actor.cli())],
    ids=["begun anew", "removed"],
)
def test_a_set_up_that_ends_while_its_code_is_on_the_way_is_begun_again(
    anna: User, meanwhile: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = signed_in(anna)
    client.post(BEGIN)
    code = shown(Authenticator.objects.get())
    confirm = enrolment.confirm

    def late(user: User, key: int | None, given: str | None) -> enrolment.SetUp:
        meanwhile(user)
        return confirm(user, key, given)

    monkeypatch.setattr(enrolment, "confirm", late)
    response = client.post(SET_UP, {"code": code})
    assert (response["Location"], told(response)) == (STATE, ["This set-up has expired. Start again."])


def test_a_removal_after_the_code_does_not_break_the_page(anna: User, monkeypatch: pytest.MonkeyPatch) -> None:
    client = signed_in(anna)
    client.post(BEGIN)
    confirm = enrolment.confirm

    def then_removed(user: User, key: int | None, given: str | None) -> enrolment.SetUp:
        done = confirm(user, key, given)
        enrolment.remove(user, by=Actor.cli())
        return done

    monkeypatch.setattr(enrolment, "confirm", then_removed)
    assert client.post(SET_UP, {"code": shown(Authenticator.objects.get())}).status_code == 200
    assert client.get(STATE).status_code == 200


def test_right_after_the_sign_in_the_password_is_not_asked_for_again(
    anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = signed_in(anna)
    now = time.time()
    monkeypatch.setattr("keystone.sign_in.in_browser.time.time", lambda: now + 290)
    assert client.post(BEGIN)["Location"] == SET_UP
    monkeypatch.setattr("keystone.sign_in.in_browser.time.time", lambda: now + 301)
    response = client.post(BEGIN, {"next": "/admin/keystone/user/"})
    assert response.status_code == 200
    assert ASKED in page(response)
    assert 'name="next" value="/admin/keystone/user/"' in page(response)
    assert "This field is required." not in page(response)


def test_a_first_factor_is_begun_with_the_password(anna: User) -> None:
    client = browser(anna)  # a session that somebody found open
    for body in ({}, {"password": ""}, {"password": "wrong"}):
        response = client.post(BEGIN, body)
        assert (response.status_code, ASKED in page(response)) == (200, True)
    assert "The password is wrong." in page(response)
    assert 'value="wrong"' not in page(response)
    assert not Authenticator.objects.exists()
    assert AttemptWindow.objects.get(limit="address").count == 1
    response = client.post(BEGIN, {"password": PASSWORD, "next": "/admin/"})
    assert response["Location"] == f"{SET_UP}?next=%2Fadmin%2F"


def test_guesses_at_the_password_are_limited(anna: User) -> None:
    client = browser(anna)
    for _attempt in range(5):
        assert client.post(BEGIN, {"password": "wrong"}).status_code == 200
    response = client.post(BEGIN, {"password": PASSWORD})
    assert (response.status_code, response.has_header("Retry-After")) == (429, True)
    assert not Authenticator.objects.exists()


def test_a_wrong_code_is_not_sent_back(anna: User) -> None:
    client = signed_in(anna)
    client.post(BEGIN)
    response = client.post(SET_UP, {"code": WRONG})
    assert "This code is wrong" in page(response)
    assert WRONG not in page(response)
