"""One's own pages: the whole walk, and what they refuse."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from keystone.accounts.models import User
from keystone.audit.models import AuditEvent
from keystone.testing.factories import PASSWORD, UserFactory, approver
from keystone.throttling.models import AttemptWindow
from keystone.two_factor import enrolment
from keystone.two_factor.models import Authenticator, RecoveryCode
from tests.approval.admin_pages import browser, told
from tests.two_factor.phone import WRONG, fresh_code, set_up, shown, verified_browser

pytestmark = pytest.mark.django_db
STATE, PEOPLE = "/admin/two-factor/", "/admin/keystone/user/"
BEGIN, SET_UP, CODES, KEPT, REMOVE = (f"{STATE}{name}/" for name in ("begin", "set-up", "codes", "kept", "remove"))
CODE = "/admin/login/code/"


@pytest.fixture
def anna() -> User:
    return approver(email="anna@example.com", first_name="Anna")


@pytest.fixture
def required(settings: Settings) -> None:
    settings.KEYSTONE = {**settings.KEYSTONE, "TWO_FACTOR_REQUIRED": True}


def codes_on(response: Any) -> list[str]:
    return re.findall(r"<code>([0-9A-Z-]{19})</code>", response.content.decode())


def test_the_whole_walk_of_staff_who_must_have_one(client: Client, anna: User, required: None) -> None:
    response = client.post(f"/admin/login/?next={PEOPLE}", {"username": anna.email, "password": PASSWORD})
    assert response["Location"] == f"{STATE}?next=%2Fadmin%2Fkeystone%2Fuser%2F"
    page = client.get(response["Location"]).content.decode()
    assert "Two-factor sign-in is required for staff." in page
    assert "nav-sidebar" not in page

    for address in ("/admin/", PEOPLE, f"{PEOPLE}add/", "/admin/password_change/", "/admin/jsi18n/", "/admin/none/"):
        assert client.get(address)["Location"].startswith(f"{STATE}?next=/admin/")
        assert client.post(address)["Location"].startswith(f"{STATE}?next=/admin/")
    assert client.get(SET_UP)["Location"] == STATE  # not begun
    assert client.get(BEGIN)["Location"] == STATE  # a GET begins nothing
    assert not Authenticator.objects.exists()

    response = client.post(BEGIN, {"next": PEOPLE})
    assert response["Location"] == f"{SET_UP}?next=%2Fadmin%2Fkeystone%2Fuser%2F"
    authenticator = Authenticator.objects.get(user=anna)
    response = client.get(response["Location"])
    page = response.content.decode()
    assert authenticator.secret in page
    assert 'src="data:image/svg+xml;charset=utf-8,%3Csvg' in page
    assert "img-src 'self' data:" in response["Content-Security-Policy"]
    assert "no-store" in response["Cache-Control"]
    assert client.get(SET_UP).content.decode().count(authenticator.secret) == 1  # the same again

    response = client.post(SET_UP, {"code": WRONG})
    assert "This code is wrong" in response.content.decode()
    before = client.session.session_key
    response = client.post(SET_UP, {"code": shown(authenticator), "next": PEOPLE})
    codes = codes_on(response)
    assert (response.status_code, len(codes)) == (200, 10)
    assert "no-store" in response["Cache-Control"]
    assert client.session.session_key != before
    file = re.findall(r'href="data:text/plain;charset=utf-8,([^"]+)"', response.content.decode())
    assert unquote(file[0]).splitlines() == [
        "Recovery codes of anna@example.com for Keystone. Each works once.",
        "",
        *codes,
    ]

    response = client.post(KEPT, {"kept": "on", "next": PEOPLE})
    assert response["Location"] == PEOPLE
    assert client.get(PEOPLE).status_code == 200

    kept = repr([session.get_decoded() for session in Session.objects.all()])
    assert f"keystone.authenticator/{authenticator.pk}" in kept
    for secret in (authenticator.secret.replace(" ", ""), *codes):
        assert secret not in kept.upper()

    client.post("/admin/logout/")
    client.post("/admin/login/", {"username": anna.email, "password": PASSWORD})
    assert client.get("/admin/").status_code == 302
    client.post(CODE, {"code": fresh_code(anna)})
    assert client.get("/admin/").status_code == 200

    client.post("/admin/logout/")
    client.post("/admin/login/", {"username": anna.email, "password": PASSWORD})
    client.post(CODE, {"code": codes[7]})
    assert client.get("/admin/").status_code == 200
    assert list(AuditEvent.objects.order_by("id").values_list("action", flat=True)) == [
        "user.signed_in",
        "user.second_factor_set_up",
        "user.signed_in",
        "user.recovery_code_used",
        "user.signed_in",
    ]


def test_who_must_set_one_up_can_log_out(anna: User, required: None) -> None:
    client = browser(anna)
    assert "Log out" in client.get(STATE).content.decode()
    assert client.post("/admin/logout/").status_code == 200
    assert client.get(STATE)["Location"].startswith("/admin/login/?next=")


def test_it_is_offered_to_staff_who_need_none(anna: User) -> None:
    client = browser(anna)
    assert client.get("/admin/").status_code == 200
    page = client.get(STATE).content.decode()
    assert "required" not in page.split('id="content"')[1].split("<form")[0]
    assert "nav-sidebar" in page
    links = client.get("/admin/").context["account_links"]
    assert links == [
        {"title": "Change password", "link": "/admin/password_change/"},
        {"title": "My notifications", "link": "/admin/notices/"},  # she decides on people
        {"title": "Two-factor sign-in", "link": STATE},
    ]


def test_the_state_tells_since_when_and_how_many_codes_are_left(anna: User, required: None) -> None:
    set_up(anna)
    client = verified_browser(anna)
    RecoveryCode.objects.filter(pk__in=RecoveryCode.objects.unused(anna).values("pk")[:8]).update(
        used_at=timezone.now()
    )
    page = client.get(STATE).content.decode()
    assert "2 of 10 left" in page
    assert f"{timezone.now():%Y}, " in page
    assert "it can be moved to another device, but not removed" in page
    assert REMOVE not in page


def test_moving_asks_for_a_code_first(anna: User) -> None:
    codes = set_up(anna)
    client = verified_browser(anna)
    old = Authenticator.objects.get()
    page = client.get(BEGIN).content.decode()
    assert "Move to another device" in page
    client.post(BEGIN, {"code": WRONG})
    client.post(BEGIN)
    assert list(Authenticator.objects.all()) == [old]
    response = client.post(BEGIN, {"code": codes[0]})  # the old device may be lost
    assert response["Location"] == SET_UP
    new = Authenticator.objects.get(confirmed=False)
    assert client.get("/admin/").status_code == 200  # the old one holds
    assert len(codes_on(client.post(SET_UP, {"code": shown(new)}))) == 10
    assert list(Authenticator.objects.all()) == [new]
    assert client.get("/admin/").status_code == 200  # this session moved with it


def test_new_codes_are_made_after_a_code(anna: User) -> None:
    old = set_up(anna)
    client = verified_browser(anna)
    digests = set(RecoveryCode.objects.values_list("digest", flat=True))
    assert "Your present codes will stop working." in client.get(CODES).content.decode()
    assert codes_on(client.post(CODES, {"code": WRONG})) == []
    assert set(RecoveryCode.objects.values_list("digest", flat=True)) == digests
    new = codes_on(client.post(CODES, {"code": fresh_code(anna)}))
    assert len(new) == 10
    assert not set(new) & set(old)
    assert not digests & set(RecoveryCode.objects.values_list("digest", flat=True))


def test_who_did_not_keep_the_codes_is_told_how_to_get_others(anna: User) -> None:
    set_up(anna)
    response = verified_browser(anna).post(KEPT, {"next": PEOPLE})
    assert response["Location"].startswith(STATE)
    assert told(response) == ["If you did not keep your recovery codes, create new ones: they are shown only once."]


def test_it_is_removed_after_a_code(anna: User) -> None:
    set_up(anna)
    client = verified_browser(anna)
    assert "Remove two-factor sign-in" in client.get(REMOVE).content.decode()
    client.post(REMOVE, {"code": WRONG})
    client.post(REMOVE)
    assert Authenticator.objects.count() == 1
    response = client.post(REMOVE, {"code": fresh_code(anna)})
    assert (response["Location"], told(response)) == (
        STATE,
        ["Two-factor sign-in has been removed. Signing in asks for your password only."],
    )
    assert not Authenticator.objects.exists()
    assert client.get("/admin/").status_code == 200
    event = AuditEvent.objects.get(action="user.second_factor_removed")
    assert (event.actor_kind, event.actor_id) == ("person", anna.pk)


def test_it_is_not_removed_where_it_is_required(anna: User, required: None) -> None:
    set_up(anna)
    client = verified_browser(anna)
    assert client.get(REMOVE)["Location"] == STATE
    assert client.post(REMOVE, {"code": fresh_code(anna)})["Location"] == STATE
    assert Authenticator.objects.count() == 1


@pytest.mark.parametrize("address", [CODES, REMOVE])
def test_without_one_there_is_nothing_to_change(anna: User, address: str) -> None:
    client = browser(anna)
    for method in (client.get, client.post):
        assert method(address)["Location"] == STATE


def test_a_set_up_that_took_too_long_is_begun_again(anna: User) -> None:
    client = browser(anna)
    client.post(BEGIN, {"password": PASSWORD})
    authenticator = Authenticator.objects.get()
    Authenticator.objects.update(created_at=timezone.now() - timedelta(minutes=31))
    assert client.get(SET_UP)["Location"] == STATE
    response = client.post(SET_UP, {"code": shown(authenticator)})
    assert (response["Location"], told(response)) == (STATE, ["This set-up has expired. Start again."])


def test_a_set_up_whose_key_has_gone_is_begun_again(anna: User) -> None:
    client = browser(anna)
    client.post(BEGIN, {"password": PASSWORD})
    Authenticator.objects.update(sealed_secret="sealed with a key that has gone")
    assert client.get(SET_UP)["Location"] == STATE


def test_wrong_codes_are_limited_on_every_page(anna: User, required: None) -> None:
    client = browser(anna)
    client.post(BEGIN, {"password": PASSWORD})
    for _attempt in range(5):
        assert client.post(SET_UP, {"code": WRONG}).status_code == 200
    response = client.post(SET_UP, {"code": shown(Authenticator.objects.get())})
    assert (response.status_code, response.has_header("Retry-After")) == (429, True)

    AttemptWindow.objects.all().delete()
    set_up(anna)
    client = verified_browser(anna)
    for address in (BEGIN, CODES, BEGIN, CODES, BEGIN):
        assert client.post(address, {"code": WRONG}).status_code == 200
    for address in (BEGIN, CODES):
        assert client.post(address, {"code": fresh_code(anna)}).status_code == 429


@pytest.mark.parametrize("address", [STATE, BEGIN, SET_UP, CODES, KEPT, REMOVE])
def test_the_pages_are_for_staff_who_have_shown_theirs(anna: User, address: str) -> None:
    for client in (Client(), browser(UserFactory())):
        assert client.get(address)["Location"] == f"/admin/login/?next={address}" if address != KEPT else True
        assert client.post(address).status_code in {302, 405}
    set_up(anna)
    enrolment.begin(anna)
    client = browser(anna)  # without a code
    if address != KEPT:
        assert client.get(address)["Location"] == f"{CODE}?next={address}"
    if address != STATE:
        response = client.post(address, {"code": fresh_code(anna), "kept": "on"})
        assert response["Location"] == f"{CODE}?next={address}"
    assert Authenticator.objects.filter(confirmed=True).count() == 1


@pytest.mark.parametrize("address", [BEGIN, SET_UP, CODES, KEPT, REMOVE])
def test_the_pages_are_guarded_against_other_sites(anna: User, address: str) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(anna)
    assert strict.post(address).status_code == 403


def test_pages_answer_only_to_their_methods(anna: User) -> None:
    client = browser(anna)
    assert client.post(STATE).status_code == 405
    assert client.get(KEPT).status_code == 405
    assert client.head(STATE).status_code == 200


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_next_is_followed_within_the_site_only(anna: User, target: str) -> None:
    client = browser(anna)
    assert client.post(BEGIN, {"next": target, "password": PASSWORD})["Location"] == SET_UP
    assert target not in client.get(f"{STATE}?next={target}").content.decode()
    assert client.post(KEPT, {"kept": "on", "next": target})["Location"] == "/admin/"
