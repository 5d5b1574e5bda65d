"""The pages that reset a forgotten password."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.contrib.auth.hashers import make_password
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from keystone.accounts.models import User
from keystone.accounts.status import Status
from keystone.accounts.tokens import OneTimeToken, Purpose, digest
from keystone.audit.models import AuditEvent
from keystone.passwords.hashing_slots import hashing_slots
from keystone.testing.factories import PASSWORD, UserFactory, superuser
from tests.accounts.mailed_links import token_for, token_in

pytestmark = pytest.mark.django_db
NEW = "another long password"
BOTH = {"new_password": NEW, "again": NEW}
ALERT = re.compile(r'<p class="error alert" role="alert">(.+?)</p>')


@pytest.fixture
def ann() -> User:
    return UserFactory(email="Ann@example.com")


@pytest.fixture
def token(ann: User) -> str:
    return token_for(ann, Purpose.RESET_PASSWORD)


def field_errors(page: str) -> list[str]:
    found = re.findall(r'<ul class="error" id="new_password-error">(.*?)</ul>', page)
    return [unescape(text) for block in found for text in re.findall(r"<li>(.*?)</li>", block)]


def test_the_mailed_link_leads_through_the_pages_to_a_new_password(
    client: Client,
    ann: User,
    settings: Settings,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    settings.KEYSTONE = {"PUBLIC_URL": "https://id.example.com"}
    assert b'action="/reset-password/"' in client.get("/reset-password/").content
    with django_capture_on_commit_callbacks(execute=True):
        response = client.post("/reset-password/", {"email": "ann@EXAMPLE.com"}, headers={"host": "localhost"})
    assert (response.status_code, response["Location"]) == (302, "/reset-password/sent/")
    assert b"Check your inbox" in client.get("/reset-password/sent/").content
    [message] = mail.outbox
    assert message.to == ["Ann@example.com"]
    token = token_in(message, "reset-password")
    assert f"\nhttps://id.example.com/reset-password/{token}/\n" in str(message.body)
    assert "localhost" not in str(message.body)

    page = client.get(f"/reset-password/{token}/").content.decode()
    assert '<input name="username" type="email" autocomplete="username" value="Ann@example.com"' in page
    assert len(re.findall(r'<input id="(?:new_password|again)" [^>]*autocomplete="new-password"', page)) == 2
    assert "Your password must contain at least 8 characters." in page
    with django_capture_on_commit_callbacks(execute=True):
        response = client.post(f"/reset-password/{token}/", BOTH, follow=True)
    assert response.redirect_chain == [("/reset-password/done/?next=sign-in", 302)]
    assert b"Sign in again with your new password." in response.content
    ann.refresh_from_db()
    assert ann.check_password(NEW)
    assert [message.subject for message in mail.outbox[1:]] == ["Your password was changed"]
    assert AuditEvent.objects.get().action == "user.password_reset"


def test_the_answer_is_the_same_whatever_the_address(
    client: Client, ann: User, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    UserFactory(email="closed@example.com", status=Status.DEACTIVATED)
    answers = []
    for email in ("ann@example.com", "nobody@example.com", "closed@example.com"):
        with django_capture_on_commit_callbacks(execute=True):
            response = client.post("/reset-password/", {"email": email})
        answers.append((response.status_code, response["Location"], response.content, sorted(response.headers)))
    assert answers[0] == answers[1] == answers[2]
    assert [message.to for message in mail.outbox] == [["Ann@example.com"]]


@pytest.mark.parametrize("email", ["", "nonsense", "a\x00@example.com", "x" * 300 + "@example.com"])
def test_what_is_no_address_is_told_beside_the_field(client: Client, email: str) -> None:
    response = client.post("/reset-password/", {"email": email})
    assert response.status_code == 400
    assert b'aria-invalid="true" aria-describedby="email-error" autofocus' in response.content
    assert b"<title>Error: Forgotten your password?" in response.content


def test_looking_twenty_times_uses_nothing_up(client: Client, ann: User, token: str) -> None:
    for _ in range(20):
        assert client.get(f"/reset-password/{token}/").status_code == 200
        assert client.head(f"/reset-password/{token}/").status_code == 200
    assert client.post(f"/reset-password/{token}/", BOTH).status_code == 302
    ann.refresh_from_db()
    assert ann.check_password(NEW)


@pytest.mark.parametrize("what", ["used", "expired", "unknown", "another purpose", "suspended"])
def test_a_link_that_does_not_work_offers_a_new_one(client: Client, ann: User, token: str, what: str) -> None:
    if what == "used":
        client.post(f"/reset-password/{token}/", {"new_password": PASSWORD, "again": PASSWORD})
    elif what == "expired":
        OneTimeToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    elif what == "unknown":
        token = "a" * 43
    elif what == "another purpose":
        token = token_for(ann, Purpose.REVERT_EMAIL)
    else:
        token = token_for(UserFactory(status=Status.SUSPENDED), Purpose.RESET_PASSWORD)
    for response in (client.post(f"/reset-password/{token}/", BOTH), client.get(f"/reset-password/{token}/")):
        if what == "suspended" and response.request["REQUEST_METHOD"] == "GET":
            continue
        assert response.status_code == 410
        assert b"This link no longer works" in response.content
        assert b'action="/reset-password/"' in response.content
        assert (b"It has just been used to set a new password" in response.content) is (what == "used")
    assert not any(user.check_password(NEW) for user in User.objects.all())


@pytest.mark.parametrize(
    ("typed", "errors"),
    [
        (
            {"new_password": "1234567", "again": "1234567"},
            [
                "This password is too short. It must contain at least 8 characters.",
                "This password is too common: it is one of those that attackers try first.",
                "This password is entirely numeric.",
            ],
        ),
        (
            {"new_password": "ann@example.com", "again": "ann@example.com"},
            ["The password is too similar to the email address."],
        ),
        ({"new_password": NEW, "again": NEW + " "}, ["The two passwords don't match. Enter both again."]),
        ({"new_password": "x" * 257, "again": NEW}, ["Ensure this value has at most 256 characters (it has 257)."]),
        ({"again": NEW}, ["This field is required."]),
    ],
)
def test_a_password_that_does_not_do_is_told_beside_the_field_and_keeps_the_link(
    client: Client, ann: User, token: str, typed: dict[str, str], errors: list[str]
) -> None:
    response = client.post(f"/reset-password/{token}/", typed)
    assert response.status_code == 400
    page = response.content.decode()
    assert field_errors(page) == errors
    assert 'aria-describedby="rules new_password-error" aria-invalid="true" autofocus' in page
    assert "<title>Error: Choose a new password" in page
    assert NEW not in page
    ann.refresh_from_db()
    assert ann.check_password(PASSWORD)
    assert client.post(f"/reset-password/{token}/", BOTH).status_code == 302


def test_a_password_that_is_not_repeated_is_told_beside_that_field(client: Client, token: str) -> None:
    page = client.post(f"/reset-password/{token}/", {"new_password": NEW}).content.decode()
    assert '<p class="error" id="again-error">This field is required.</p>' in page
    assert 'required aria-invalid="true" aria-describedby="again-error">' in page


def test_spaces_around_a_password_are_part_of_it(client: Client, ann: User, token: str) -> None:
    client.post(f"/reset-password/{token}/", {"new_password": f" {NEW} ", "again": f" {NEW} "})
    ann.refresh_from_db()
    assert (ann.check_password(f" {NEW} "), ann.check_password(NEW)) == (True, False)


def test_a_busy_server_asks_for_patience_and_keeps_the_link(
    client: Client, ann: User, token: str, settings: Settings
) -> None:
    settings.PASSWORD_HASHERS = ["keystone.passwords.hashers.Argon2idHasher"]
    settings.KEYSTONE = {"PASSWORD_HASHING_PARALLEL": 1, "PASSWORD_HASHING_WAITING": 0}
    with hashing_slots().slot():
        response = client.post(f"/reset-password/{token}/", BOTH)
    assert (response.status_code, response["Retry-After"]) == (503, "1")
    [alert] = ALERT.findall(response.content.decode())
    assert alert == "Too many people are signing in at this moment. Try again in a moment."
    assert OneTimeToken.objects.get(digest=digest(token)).used_at is None
    assert client.post(f"/reset-password/{token}/", BOTH).status_code == 302


@pytest.mark.parametrize(
    ("status", "word", "said"),
    [
        (Status.PENDING_EMAIL_VERIFICATION, "approval", b"An administrator still has to review"),
        (Status.PENDING_ADMIN_APPROVAL, "approval", b"can sign in once you are approved"),
        (Status.ACTIVE, "sign-in", b"Sign in again"),
    ],
)
def test_the_result_says_what_comes_next(client: Client, status: Status, word: str, said: bytes) -> None:
    user = UserFactory(status=status, password=make_password(None))
    response = client.post(f"/reset-password/{token_for(user, Purpose.RESET_PASSWORD)}/", BOTH)
    assert response["Location"] == f"/reset-password/done/?next={word}"
    page = client.get(response["Location"]).content
    assert said in page
    assert b'href="/admin/"' not in page


def test_staff_are_led_back_to_the_administration(client: Client) -> None:
    token = token_for(superuser(), Purpose.RESET_PASSWORD)
    response = client.post(f"/reset-password/{token}/", BOTH)
    assert response["Location"] == "/reset-password/done/?next=sign-in&place=administration"
    assert b'href="/admin/"' in client.get(response["Location"]).content


def test_others_are_led_to_the_front_end(client: Client, settings: Settings) -> None:
    settings.KEYSTONE = {"FRONTEND_URL": "https://app.example"}
    assert b'href="https://app.example"' in client.get("/reset-password/done/?next=sign-in").content
    assert b"https://app.example" not in client.get("/reset-password/done/").content


def test_the_sign_in_page_of_the_administration_links_to_it(client: Client) -> None:
    assert reverse("admin_password_reset") == "/reset-password/"
    assert b'href="/reset-password/"' in client.get("/admin/login/").content
