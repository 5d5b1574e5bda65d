import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.test import Client
from rest_framework.test import APIClient

from keystone.accounts.models import User
from keystone.accounts.status import Status
from keystone.sessions.models import Session
from keystone.testing.factories import PASSWORD, UserFactory, superuser

PERSON = {"email": "ann@example.com", "password": "a good long one", "first_name": "Ann", "last_name": "Bee"}
SignedIn = Callable[[User], APIClient]


@pytest.mark.django_db(transaction=True)
def test_the_walk_from_registration_to_a_signed_in_request(
    api: APIClient, signed_in: SignedIn, mailoutbox: list[EmailMessage]
) -> None:
    admin = signed_in(superuser())
    assert api.post("/api/auth/register/", PERSON).status_code == 202
    login = {"email": "Ann@Example.com", "password": PERSON["password"]}
    assert api.post("/api/auth/login/", login).json()["error"]["code"] == "email_unverified"

    token = re.findall(r"/verify-email/([\w-]+)/", str(mailoutbox[0].body))[0]
    answer = api.post("/api/auth/verify-email/", {"token": token})
    assert (answer.status_code, answer.json()["status"]) == (200, "pending_admin_approval")
    assert api.post("/api/auth/login/", login).json()["error"]["code"] == "approval_pending"

    user = User.objects.get(email="ann@example.com")
    waiting = admin.get("/api/users/", {"status": "pending_admin_approval"}).json()["results"]
    assert [row["id"] for row in waiting] == [str(user.pk)]
    answer = admin.post(f"/api/users/{user.pk}/approve/", {"reason": "Welcome!"})
    assert (answer.status_code, answer.json()["status"]) == (200, "active")
    assert "Welcome!" in mailoutbox[-1].body
    assert len(mailoutbox) == 4  # the administrator was told that somebody waits

    answer = api.post("/api/auth/login/", login)
    assert answer.headers["Cache-Control"] == "no-store"
    tokens = answer.json()
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens['access']}")
    assert api.get("/api/me/").json()["email"] == "ann@example.com"
    api.credentials()
    fresh = api.post("/api/auth/refresh/", {"refresh": tokens["refresh"]}).json()
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {fresh['access']}")
    assert api.patch("/api/me/", {"first_name": "Anna"}).json()["first_name"] == "Anna"
    api.credentials()
    again = api.post("/api/auth/refresh/", {"refresh": tokens["refresh"]})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "token_just_used")


@pytest.mark.django_db(transaction=True)
def test_register_answers_the_same_whatever_the_address(api: APIClient, mailoutbox: list[EmailMessage]) -> None:
    UserFactory(email="ann@example.com")
    known = api.post("/api/auth/register/", PERSON)
    unknown = api.post("/api/auth/register/", PERSON | {"email": "new@example.com"})
    assert known.status_code == unknown.status_code == 202
    assert known.content == unknown.content
    assert set(known.headers) == set(unknown.headers)
    assert [mail.to for mail in mailoutbox] == [["ann@example.com"], ["new@example.com"]]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"email": "ann"}, "email"),
        ({"email": None}, "email"),
        ({"email": "a" * 250 + "@example.com"}, "email"),
        ({"email": {"$ne": 1}}, "email"),
        ({"password": "short"}, "password"),
        ({"password": "password123"}, "password"),
        ({"password": "ann@example.com"}, "password"),
        ({"password": "x" * 257}, "password"),
        ({"first_name": "  "}, "first_name"),
        ({"first_name": "Ann\nBcc: x@example.com"}, "first_name"),
        ({"first_name": "Win at https://evil.example"}, "first_name"),
        ({"last_name": "www.evil.example"}, "last_name"),
        ({"last_name": "x" * 101}, "last_name"),
        ({"is_superuser": True}, "is_superuser"),
        ({"is_staff": True}, "is_staff"),
        ({"status": "active"}, "status"),
        ({"approval_flow": "none"}, "approval_flow"),
        ({"email_verified_at": "2026-01-01T00:00:00Z"}, "email_verified_at"),
        ({"id": "00000000-0000-0000-0000-000000000000"}, "id"),
    ],
)
def test_register_refuses_a_wrong_or_unknown_field(api: APIClient, change: dict[str, Any], field: str) -> None:
    answer = api.post("/api/auth/register/", PERSON | change)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["code"], list(error["fields"])) == ("invalid", [field])
    assert error["request_id"] == answer.headers["X-Request-ID"]
    assert not User.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("status", [Status.PENDING_EMAIL_VERIFICATION, Status.ACTIVE, None])
def test_resend_answers_the_same_whatever_the_address(api: APIClient, status: Status | None) -> None:
    if status:
        UserFactory(email="ann@example.com", status=status)
    answer = api.post("/api/auth/verify-email/resend/", {"email": "ann@example.com"})
    assert answer.status_code == 202
    assert answer.json() == {"detail": "Thank you. If there is a next step, we have sent it to you by email."}


@pytest.mark.django_db
def test_a_wrong_token_is_a_400(api: APIClient) -> None:
    answer = api.post("/api/auth/verify-email/", {"token": "nonsense"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_token")


@pytest.mark.django_db
def test_me_wants_a_token(api: APIClient) -> None:
    answer = api.get("/api/me/")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="api"')
    assert answer.json()["error"]["code"] == "not_authenticated"
    api.credentials(HTTP_AUTHORIZATION="Bearer nonsense")
    answer = api.get("/api/me/")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_token")


@pytest.mark.django_db
@pytest.mark.parametrize("field", ["is_superuser", "is_staff", "status", "email", "id", "groups", "user_permissions"])
def test_me_cannot_set_privileges(signed_in: SignedIn, field: str) -> None:
    user = UserFactory(first_name="Ann")
    answer = signed_in(user).patch("/api/me/", {"first_name": "New", field: True})
    assert answer.status_code == 400
    assert list(answer.json()["error"]["fields"]) == [field]
    assert User.objects.get(pk=user.pk).first_name == "Ann"


@pytest.mark.django_db
def test_me_shows_ones_own_account(signed_in: SignedIn) -> None:
    user = UserFactory(email="ann@example.com")
    assert signed_in(user).get("/api/me/").json() | {"created_at": "", "last_login": "", "email_verified_at": ""} == {
        "id": str(user.pk),
        "email": "ann@example.com",
        "first_name": user.first_name,
        "last_name": "Example",
        "status": "active",
        "email_verified_at": "",
        "is_staff": False,
        "is_superuser": False,
        "created_at": "",
        "last_login": "",
    }


@pytest.mark.django_db
def test_login_tells_the_status_after_the_right_password(api: APIClient) -> None:
    UserFactory(email="ann@example.com", status=Status.SUSPENDED)
    right = api.post("/api/auth/login/", {"email": "ann@example.com", "password": PASSWORD})
    assert (right.status_code, right.json()["error"]["code"]) == (403, "suspended")
    wrong = api.post("/api/auth/login/", {"email": "ann@example.com", "password": "wrong"})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (401, "invalid_credentials")
    assert wrong.headers["WWW-Authenticate"] == 'Bearer realm="api"'
    unknown = api.post("/api/auth/login/", {"email": "bob@example.com", "password": "wrong"})
    assert wrong.json()["error"] | {"request_id": ""} == unknown.json()["error"] | {"request_id": ""}


@pytest.mark.django_db
def test_the_browsable_api_can_be_signed_in_to_and_is_guarded_against_forgery(client: Client) -> None:
    user = UserFactory()
    assert "Log in" in client.get("/api/me/", headers={"Accept": "text/html"}).content.decode()
    answer = client.post("/api/session/login/?next=/api/me/", {"username": user.email, "password": PASSWORD})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/api/me/")
    page = client.get("/api/me/", headers={"Accept": "text/html"}).content.decode()
    assert user.email in page
    assert "onclick" not in page
    assert client.post("/api/session/logout/?next=/api/me/").headers["Location"] == "/api/me/"
    assert client.get("/api/me/").status_code == 401
    client.force_login(user)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(user)
    answer = strict.patch("/api/me/", {"first_name": "Forged"}, content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "permission_denied")


@pytest.mark.django_db
def test_the_session_names_the_device(api: APIClient) -> None:
    user = UserFactory()
    api.post(
        "/api/auth/login/",
        {"email": user.email, "password": PASSWORD},
        headers={"User-Agent": "Firefox"},
        REMOTE_ADDR="198.51.100.9",
    )
    session = Session.objects.get()
    assert (session.user_agent, session.ip_address) == ("Firefox", "198.51.100.9")
