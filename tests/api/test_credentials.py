"""The API of passwords and of the address."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.test import Client
from rest_framework.test import APIClient

from keystone.accounts.models import User
from keystone.accounts.status import Status
from keystone.audit.models import AuditEvent
from keystone.sign_in.with_tokens import sign_in
from keystone.testing.factories import PASSWORD, UserFactory, superuser

pytestmark = pytest.mark.django_db(transaction=True)
NEW = "another long password"


@pytest.fixture
def ann() -> User:
    return UserFactory(email="ann@example.com", first_name="Ann")


def bearer(access: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {access}")
    return client


def token_of(mail: EmailMessage, page: str) -> str:
    [token] = re.findall(rf"/{page}/([\w-]{{43}})/", str(mail.body))
    return str(token)


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


# -- Changing the password ---------------------------------------------------------------------------------------
def test_a_change_of_password_ends_everything_but_this_session(ann: User, mailoutbox: list[EmailMessage]) -> None:
    here, there = (sign_in(email=ann.email, password=PASSWORD) for _ in range(2))
    answer = bearer(here.access).post("/api/auth/password/change/", {"current_password": PASSWORD, "new_password": NEW})
    assert answer.status_code == 200
    tokens = answer.json()["tokens"]
    for old in (here.access, there.access):
        assert bearer(old).get("/api/me/").status_code == 401
    assert code(APIClient().post("/api/auth/refresh/", {"refresh": there.refresh})) == (401, "invalid_token")
    assert bearer(tokens["access"]).get("/api/me/").status_code == 200
    assert APIClient().post("/api/auth/refresh/", {"refresh": tokens["refresh"]}).status_code == 200
    assert sign_in(email=ann.email, password=NEW).access
    assert [mail.to for mail in mailoutbox] == [["ann@example.com"]]
    assert NEW not in str(mailoutbox[0].body)
    assert AuditEvent.objects.filter(action="user.password_changed").count() == 1


def test_the_browser_that_changes_the_password_stays_signed_in(ann: User) -> None:
    here, there = Client(), Client()
    here.force_login(ann)
    there.force_login(ann)
    body = {"current_password": PASSWORD, "new_password": NEW}
    answer = here.post("/api/auth/password/change/", body, content_type="application/json")
    assert (answer.status_code, answer.json()) == (200, {"tokens": None})
    assert here.get("/api/me/").status_code == 200
    assert there.get("/api/me/").status_code == 401


@pytest.mark.parametrize(
    ("current", "new", "refusal", "field"),
    [
        ("wrong", NEW, "wrong_password", None),
        (PASSWORD, PASSWORD, "invalid", "new_password"),
        (PASSWORD, "password", "invalid", "new_password"),
        (PASSWORD, "ann@example.com", "invalid", "new_password"),
        (PASSWORD, "x" * 257, "invalid", "new_password"),
        ("", NEW, "invalid", "current_password"),
    ],
)
def test_a_password_that_does_not_do_changes_nothing(
    ann: User, current: str, new: str, refusal: str, field: str | None
) -> None:
    pair = sign_in(email=ann.email, password=PASSWORD)
    answer = bearer(pair.access).post("/api/auth/password/change/", {"current_password": current, "new_password": new})
    assert code(answer) == (400, refusal)
    assert list(answer.json()["error"]["fields"]) == ([field] if field else [])
    assert bearer(pair.access).get("/api/me/").status_code == 200
    assert User.objects.get(pk=ann.pk).check_password(PASSWORD)


def test_guesses_at_the_current_password_count_like_those_at_the_sign_in(ann: User) -> None:
    client = bearer(sign_in(email=ann.email, password=PASSWORD).access)
    wrong = {"current_password": "wrong", "new_password": NEW}
    for _ in range(5):
        assert code(client.post("/api/auth/password/change/", wrong)) == (400, "wrong_password")
    answer = client.post("/api/auth/password/change/", wrong | {"current_password": PASSWORD})
    assert code(answer) == (429, "rate_limited")
    assert int(answer.headers["Retry-After"]) > 800
    login = APIClient().post("/api/auth/login/", {"email": ann.email, "password": PASSWORD})
    assert code(login) == (429, "rate_limited")


# -- Resetting it ------------------------------------------------------------------------------------------------
def test_a_reset_sets_the_password_once_and_ends_everything(ann: User, mailoutbox: list[EmailMessage]) -> None:
    pair = sign_in(email=ann.email, password=PASSWORD)
    assert APIClient().post("/api/auth/password/reset/", {"email": "ANN@example.com"}).status_code == 202
    token = token_of(mailoutbox[0], "reset-password")
    body = {"token": token, "new_password": NEW}
    weak = APIClient().post("/api/auth/password/reset/confirm/", body | {"new_password": "password"})
    assert (code(weak), list(weak.json()["error"]["fields"])) == ((400, "invalid"), ["new_password"])
    assert APIClient().post("/api/auth/password/reset/confirm/", body).status_code == 200
    assert code(APIClient().post("/api/auth/password/reset/confirm/", body)) == (400, "invalid_token")
    assert bearer(pair.access).get("/api/me/").status_code == 401
    assert code(APIClient().post("/api/auth/refresh/", {"refresh": pair.refresh})) == (401, "invalid_token")
    assert sign_in(email=ann.email, password=NEW).access


@pytest.mark.parametrize("email", ["nobody@example.com", "ann@example.com"])
def test_asking_for_a_reset_answers_the_same_whatever_the_address(ann: User, email: str) -> None:
    answer = APIClient().post("/api/auth/password/reset/", {"email": email})
    assert answer.status_code == 202
    assert answer.json() == {"detail": "Thank you. If there is a next step, we have sent it to you by email."}


# -- Changing the address ----------------------------------------------------------------------------------------
def test_an_address_is_changed_confirmed_and_taken_back(ann: User, mailoutbox: list[EmailMessage]) -> None:
    client = bearer(sign_in(email=ann.email, password=PASSWORD).access)
    answer = client.post("/api/me/email/", {"email": "New@Example.com", "current_password": PASSWORD})
    assert answer.status_code == 202
    assert client.get("/api/me/").json()["email"] == "ann@example.com"
    [mail] = mailoutbox
    assert mail.to == ["New@Example.com"]
    token = token_of(mail, "confirm-email")
    answers = [APIClient().post("/api/auth/email/confirm/", {"token": token}) for _ in range(2)]
    assert [(answer.status_code, answer.json()) for answer in answers] == [
        (200, {"detail": "Your email address has been changed."})
    ] * 2
    assert client.get("/api/me/").json()["email"] == "New@Example.com"

    assert mailoutbox[1].to == ["ann@example.com"]
    revert = token_of(mailoutbox[1], "revert-email")
    assert APIClient().post("/api/auth/email/revert/", {"token": revert}).status_code == 200
    assert client.get("/api/me/").status_code == 401
    ann.refresh_from_db()
    assert (ann.email, ann.email_normalized, ann.has_usable_password()) == (
        "ann@example.com",
        "ann@example.com",
        False,
    )
    choose = token_of(mailoutbox[2], "reset-password")
    body = {"token": choose, "new_password": NEW}
    assert APIClient().post("/api/auth/password/reset/confirm/", body).status_code == 200
    assert sign_in(email="ann@example.com", password=NEW).access


def test_a_taken_address_answers_the_same_and_is_not_changed_to(ann: User, mailoutbox: list[EmailMessage]) -> None:
    UserFactory(email="bob@example.com")
    client = bearer(sign_in(email=ann.email, password=PASSWORD).access)
    free = client.post("/api/me/email/", {"email": "free@example.com", "current_password": PASSWORD})
    taken = client.post("/api/me/email/", {"email": "bob@example.com", "current_password": PASSWORD})
    assert (free.status_code, free.content) == (taken.status_code, taken.content)
    assert [mail.to for mail in mailoutbox] == [["free@example.com"], ["bob@example.com"]]
    assert "confirm-email" not in str(mailoutbox[1].body)
    assert User.objects.get(pk=ann.pk).email == "ann@example.com"


@pytest.mark.parametrize(
    ("email", "password", "refusal", "field"),
    [
        ("free@example.com", "wrong", "wrong_password", None),
        ("ann@example.com", PASSWORD, "invalid", "email"),
        ("no address", PASSWORD, "invalid", "email"),
    ],
)
def test_a_change_of_address_that_does_not_do_is_refused(
    ann: User, mailoutbox: list[EmailMessage], email: str, password: str, refusal: str, field: str | None
) -> None:
    client = bearer(sign_in(email=ann.email, password=PASSWORD).access)
    answer = client.post("/api/me/email/", {"email": email, "current_password": password})
    assert code(answer) == (400, refusal)
    assert list(answer.json()["error"]["fields"]) == ([field] if field else [])
    assert mailoutbox == []


# -- Leaving -----------------------------------------------------------------------------------------------------
def test_people_close_their_own_account_with_their_password(ann: User, mailoutbox: list[EmailMessage]) -> None:
    client = bearer(sign_in(email=ann.email, password=PASSWORD).access)
    assert code(client.post("/api/me/deactivate/", {"current_password": "wrong"})) == (400, "wrong_password")
    assert client.post("/api/me/deactivate/", {"current_password": PASSWORD}).status_code == 204
    assert client.get("/api/me/").status_code == 401
    ann.refresh_from_db()
    assert ann.status == Status.DEACTIVATED
    event = AuditEvent.objects.get(action="user.deactivated")
    assert (event.actor_kind, event.actor_id) == ("person", ann.pk)
    assert [mail.to for mail in mailoutbox] == [["ann@example.com"]]


def test_a_superuser_cannot_close_their_own_account(signed_in: Callable[[User], APIClient]) -> None:
    superuser()
    client = signed_in(superuser(email="root@example.com"))
    answer = client.post("/api/me/deactivate/", {"current_password": PASSWORD})
    assert code(answer) == (403, "superuser_stays")


# -- Guessing tokens ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("verify-email/", {}),
        ("password/reset/confirm/", {"new_password": NEW}),
        ("email/confirm/", {}),
        ("email/revert/", {}),
        ("refresh/", None),
    ],
)
def test_guesses_at_tokens_are_limited(settings: Any, path: str, more: dict[str, str] | None) -> None:
    settings.KEYSTONE = {"ATTEMPTS_PER_IP": 2}
    body = {"refresh": "nonsense"} if more is None else {"token": "nonsense", **more}
    answers = [APIClient().post(f"/api/auth/{path}", body) for _ in range(3)]
    assert [answer.status_code for answer in answers] == ([401, 401, 429] if more is None else [400, 400, 429])
    assert answers[-1].headers["Retry-After"]


@pytest.mark.parametrize("path", ["register/", "verify-email/resend/", "password/reset/"])
def test_calls_that_cost_a_hash_or_a_mail_are_limited_by_ip(settings: Any, path: str) -> None:
    settings.KEYSTONE = {"REQUESTS_PER_IP": 2}
    body = {"email": "ann@example.com"}
    if path == "register/":
        body |= {"password": NEW, "first_name": "Ann"}
    answers = [APIClient().post(f"/api/auth/{path}", body) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 429]
