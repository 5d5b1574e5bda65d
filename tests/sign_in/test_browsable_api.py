"""The browsable API's session is no way round the second factor, nor into the admin."""

from typing import Any

import pytest
from django.contrib.auth import SESSION_KEY
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from keystone.accounts.models import User
from keystone.testing.factories import PASSWORD, UserFactory, approver
from tests.two_factor.phone import WRONG, fresh_code, set_up

pytestmark = pytest.mark.django_db
LOGIN, CODE, ME = "/api/session/login/", "/api/session/login/code/", "/api/me/"


@pytest.fixture
def anna() -> User:
    user = approver(email="anna@example.com")
    set_up(user)
    return user


@pytest.fixture
def required(settings: Settings) -> None:
    settings.KEYSTONE = {**settings.KEYSTONE, "TWO_FACTOR_REQUIRED": True}


def give_password(client: Client, user: User, password: str = PASSWORD) -> Any:
    return client.post(f"{LOGIN}?next={ME}", {"username": user.email, "password": password})


def test_everybody_with_an_account_signs_in_with_what_is_asked_of_them(client: Client) -> None:
    user = UserFactory()
    assert "Log in" in client.get(LOGIN).content.decode()
    assert give_password(client, user)["Location"] == ME
    assert client.get(ME).status_code == 200
    assert client.get(f"{LOGIN}?next={ME}")["Location"] == ME
    assert client.get("/admin/")["Location"].startswith("/admin/login/")
    assert client.get("/admin/login/").status_code == 200  # to sign in as somebody else


def test_it_is_no_way_round_the_code(client: Client, anna: User) -> None:
    response = give_password(client, anna)
    assert response["Location"] == f"{CODE}?next=%2Fapi%2Fme%2F"
    assert SESSION_KEY not in client.session
    assert client.get(ME).status_code == 401
    assert client.get("/admin/").status_code == 302
    page = client.get(CODE).content.decode()
    assert "anna@example.com" in page
    assert "Use a recovery code" in client.get(f"{CODE}?recovery=1").content.decode()
    assert client.post(CODE, {"code": WRONG}).status_code == 200
    assert client.get(ME).status_code == 401
    assert client.post(f"{CODE}?next={ME}", {"code": fresh_code(anna)})["Location"] == ME
    assert client.get(ME).json()["email"] == "anna@example.com"
    assert client.get("/admin/").status_code == 200


@pytest.mark.parametrize("headers", [{}, {"Accept": "text/html"}])
def test_a_session_without_the_code_is_nobodys(client: Client, anna: User, headers: dict[str, str]) -> None:
    client.force_login(anna)
    answer = client.get(ME, headers=headers)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert "anna@example.com" not in answer.content.decode()
    for path in ("/api/users/", "/api/audit/"):
        assert client.get(path).status_code == 401
    assert client.patch(ME, {"first_name": "X"}, content_type="application/json").status_code == 401
    assert client.get(f"{LOGIN}?next={ME}")["Location"] == f"{CODE}?next=%2Fapi%2Fme%2F"
    assert "Log in as somebody else" in client.get(CODE).content.decode()


def test_staff_who_must_set_one_up_are_sent_to_do_it(client: Client, required: None) -> None:
    anna = approver()
    response = give_password(client, anna)
    assert response["Location"] == "/admin/two-factor/?next=%2Fapi%2Fme%2F"
    assert client.get(ME).status_code == 401
    assert client.get(response["Location"]).status_code == 200
    assert client.get(f"{LOGIN}?next={ME}")["Location"] == response["Location"]


def test_it_is_required_of_staff_only(client: Client, required: None) -> None:
    user = UserFactory()
    assert give_password(client, user)["Location"] == ME
    assert client.get(ME).status_code == 200


def test_attempts_are_counted_as_everywhere(client: Client, anna: User, api: APIClient) -> None:
    for _attempt in range(3):
        assert give_password(client, anna, "wrong").status_code == 200
    give_password(client, anna)
    for _attempt in range(2):
        client.post(CODE, {"code": WRONG})
    response = client.post(CODE, {"code": fresh_code(anna)})
    assert (response.status_code, response.has_header("Retry-After")) == (429, True)
    assert give_password(client, anna).status_code == 429
    assert client.post("/admin/login/", {"username": anna.email, "password": PASSWORD}).status_code == 429
    body = {"email": anna.email, "password": PASSWORD}
    assert api.post("/api/auth/login/", body).status_code == 429


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/"])
def test_next_is_followed_within_the_site_only(client: Client, anna: User, target: str) -> None:
    body = {"username": UserFactory().email, "password": PASSWORD, "next": target}
    assert client.post(LOGIN, body)["Location"] == "/docs/"
    client.logout()
    client.post(LOGIN, {"username": anna.email, "password": PASSWORD})
    assert client.post(f"{CODE}?next={target}", {"code": fresh_code(anna)})["Location"] == "/docs/"


def test_requests_that_other_sites_forge_are_refused(anna: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(LOGIN, {"username": anna.email, "password": PASSWORD}).status_code == 403
    strict.force_login(UserFactory())
    answer = strict.patch(ME, {"first_name": "Forged"}, content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "permission_denied")


def test_a_token_needs_no_look_at_the_second_factor(anna: User, api: APIClient, django_assert_num_queries: Any) -> None:
    body = {"email": anna.email, "password": PASSWORD, "code": fresh_code(anna)}
    tokens = api.post("/api/auth/login/", body).json()
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens['access']}")
    with django_assert_num_queries(1):
        assert api.get(ME).status_code == 200


def test_the_api_login_asks_for_the_code_after_the_password(anna: User, api: APIClient) -> None:
    body = {"email": anna.email, "password": PASSWORD}
    answer = api.post("/api/auth/login/", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "second_factor_required")
    answer = api.post("/api/auth/login/", {**body, "code": WRONG})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_code")
    answer = api.post("/api/auth/login/", {**body, "password": "wrong", "code": fresh_code(anna)})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_credentials")
    assert api.post("/api/auth/login/", {**body, "code": fresh_code(anna)}).status_code == 200
