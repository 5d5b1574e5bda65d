"""Where a sign-in or a sign-out leads: to this site, and nowhere else."""

from urllib.parse import quote, urlsplit

import pytest
from django.http import HttpResponse
from django.test import Client

from keystone.accounts.models import User
from keystone.testing.factories import PASSWORD, superuser

FOREIGN = [
    "https://evil.example/",
    "http://evil.example",
    "//evil.example/",
    "///evil.example/",
    "////evil.example/",
    "/\\evil.example/",
    "\\\\evil.example/",
    "\\/evil.example/",
    "https:/evil.example",
    "https:evil.example",
    "https:///evil.example",
    "http:\\\\evil.example",
    "javascript:alert(1)",
    "JavaScript:alert(1)//testserver/",
    "data:text/html,<script>alert(1)</script>",
    "https://testserver@evil.example/",
    "https://testserver.evil.example/",
    "https://evil.example\\@testserver/",
    " https://evil.example/",
    "\thttps://evil.example/",
    "/\t/evil.example/",
    "/\n/evil.example/",
    "\x08//evil.example",
    "ftp://testserver/",
    "http://[",
]

FEW = FOREIGN[::6]

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unlimited")]
of_targets = pytest.mark.parametrize(
    "targets", [pytest.param(FEW, id="few"), pytest.param(FOREIGN, id="all", marks=pytest.mark.slow)]
)


def assert_stays(answer: HttpResponse, target: str) -> None:
    """No redirect but one to an address of this site."""
    assert answer.status_code in {200, 301, 302}, target
    location = answer.headers.get("Location", "/")
    assert location.startswith("/"), target
    assert not location.startswith(("//", "/\\")), target
    parts = urlsplit(location)
    assert (parts.scheme, parts.netloc) == ("", ""), target
    assert "evil.example" not in parts.path, target


@pytest.fixture
def person() -> User:
    return superuser(email="root@example.com")


@pytest.mark.parametrize("login", ["/admin/login/", "/api/session/login/"])
@of_targets
def test_a_sign_in_leads_nowhere_else(person: User, login: str, targets: list[str]) -> None:
    credentials = {"username": person.email, "password": PASSWORD}
    for target in targets:
        client = Client()
        in_query = client.post(f"{login}?next={quote(target)}", credentials)
        assert_stays(in_query, target)  # type: ignore[arg-type]  # the client's answer is one of Django's
        in_body = Client().post(login, {**credentials, "next": target})
        assert_stays(in_body, target)  # type: ignore[arg-type]  # as above
        # Signed in already.
        assert_stays(client.get(f"{login}?next={quote(target)}"), target)  # type: ignore[arg-type]  # as above


@pytest.mark.parametrize("logout", ["/admin/logout/", "/api/session/logout/"])
@of_targets
def test_a_sign_out_leads_nowhere_else(client: Client, person: User, logout: str, targets: list[str]) -> None:
    for target in targets:
        for address, body in ((f"{logout}?next={quote(target)}", {}), (logout, {"next": target})):
            client.force_login(person)
            assert_stays(client.post(address, body), target)  # type: ignore[arg-type]  # as above


@of_targets
def test_the_pages_of_the_second_factor_lead_nowhere_else(client: Client, person: User, targets: list[str]) -> None:
    client.force_login(person)
    for target in targets:
        assert_stays(client.post("/admin/two-factor/kept/", {"kept": "on", "next": target}), target)  # type: ignore[arg-type]  # as above
        for page in ("codes", "begin", "remove"):
            answer = client.get(f"/admin/two-factor/{page}/?next={quote(target)}")
            assert_stays(answer, target)  # type: ignore[arg-type]  # as above
            assert "evil.example" not in answer.headers.get("Location", "")


@of_targets
def test_other_addresses_take_no_target_from_a_caller(client: Client, person: User, targets: list[str]) -> None:
    client.force_login(person)
    for target in targets:
        for address in ("/admin/", "/docs", "/favicon.ico", "/verify-email/done/", "/admin", "/api/me/"):
            assert_stays(client.get(f"{address}?next={quote(target)}", follow=False), target)  # type: ignore[arg-type]  # as above


def test_the_control_a_target_of_this_site_is_followed(client: Client, person: User) -> None:
    credentials = {"username": person.email, "password": PASSWORD}
    answer = client.post("/api/session/login/?next=/api/users/", credentials)
    assert answer.headers["Location"] == "/api/users/"
    answer = client.post("/api/session/logout/?next=/docs/")
    assert answer.headers["Location"] == "/docs/"


def test_the_missing_slash_is_put_behind_the_path_only(client: Client) -> None:
    for path in ("//evil.example/admin", "//evil.example/docs", "/\\evil.example/docs", "//evil.example"):
        location = client.get(path).headers.get("Location", "/")
        assert not location.startswith(("//", "/\\", "http")), path
