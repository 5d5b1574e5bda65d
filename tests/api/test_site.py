"""What belongs to the whole site: headers, errors, the schema and its pages."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test import Client, RequestFactory
from pytest_django import Settings

from keystone.api.client_address import client_address
from keystone.audit.models import AuditEvent
from keystone.mail.models import OutgoingMail
from keystone.testing.factories import PASSWORD, UserFactory


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/docs/", "/redoc/", "/api/session/login/", "/admin/login/"])
def test_pages_load_only_local_files(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    page = answer.content.decode()
    loaded = re.findall(r"""(?:<script[^>]+src|<link[^>]+href|<img[^>]+src|url)\s*[=(]\s*["']?([^"')\s>]+)""", page)
    assert loaded
    for address in loaded:
        assert address.startswith(("/", "data:", "#")), address
        assert not address.startswith("//"), address
        if address.startswith("/static/"):
            assert finders.find(address.removeprefix("/static/").split("?")[0]), address


@pytest.mark.parametrize(
    ("path", "script", "style"),
    [
        ("/redoc/", "script-src 'self'", "style-src 'self' 'unsafe-inline'"),
        ("/admin/login/", "script-src 'self' 'unsafe-eval'", "style-src 'self' 'unsafe-inline'"),
        ("/nowhere/", "script-src 'self'", "style-src 'self'"),
    ],
)
@pytest.mark.django_db
def test_every_page_has_a_content_security_policy(client: Client, path: str, script: str, style: str) -> None:
    policy = client.get(path).headers["Content-Security-Policy"].split("; ")
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    [scripts] = [part for part in policy if part.startswith("script-src")]
    [styles] = [part for part in policy if part.startswith("style-src")]
    assert (scripts, styles) == (script, style)


def test_unknown_addresses_are_json_under_the_api_and_a_page_elsewhere(client: Client) -> None:
    answer = client.get("/api/nowhere/")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    answer = client.get("/nowhere/")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")


def test_a_fault_of_ours_is_an_envelope_that_names_the_request(settings: Settings) -> None:
    settings.ROOT_URLCONF = "tests.api.faulty_urls"
    client = Client(raise_request_exception=False)
    answer = client.get("/api/fault/")
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "server_error")
    assert answer.json()["error"]["request_id"] == answer.headers["X-Request-ID"]
    assert "secret" not in answer.content.decode()
    assert client.get("/fault/").status_code == 500
    assert client.get("/api/forbidden/").json()["error"]["code"] == "permission_denied"
    assert client.get("/api/bad/").json()["error"]["code"] == "bad_request"
    assert (client.get("/forbidden/").status_code, client.get("/bad/").status_code) == (403, 400)


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'"text"', "application/json", 400),
        (b"null", "application/json", 400),
        (b"email=x", "application/x-www-form-urlencoded", 415),
        (b'{"email": "\\ud800@example.com", "password": "x", "first_name": "A"}', "application/json", 400),
        (b'{"email": NaN}', "application/json", 400),
        (b'{"\\ud800": 1}', "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'{"email": ' + b"9" * 5_000 + b"}", "application/json", 400),
        (b'{"email": "a\\u0000@example.com"}', "application/json", 400),
    ],
)
@pytest.mark.django_db
def test_malformed_bodies_are_refused_in_the_envelope(
    client: Client, body: bytes, content_type: str, status: int
) -> None:
    answer = client.post("/api/auth/register/", body, content_type=content_type)
    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"code", "message", "fields", "request_id"}


def test_a_request_id_of_a_proxy_is_kept_if_it_is_one(client: Client, settings: Settings) -> None:
    settings.KEYSTONE = settings.KEYSTONE | {"TRUSTED_PROXIES": 1}
    assert client.get("/api/health/live/", headers={"X-Request-ID": "abcd-1234"}).headers["X-Request-ID"] == "abcd-1234"
    for forged in ("short", "a" * 65, "line\tbreak-or-so"):
        assert client.get("/api/health/live/", headers={"X-Request-ID": forged}).headers["X-Request-ID"] != forged


@pytest.mark.django_db
def test_a_request_id_of_a_caller_is_not_taken(
    client: Client, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.KEYSTONE = settings.KEYSTONE | {"TRUSTED_PROXIES": 0}
    chosen = "0123456789abcdef0123456789abcdef"
    answer = client.get("/api/nowhere/", headers={"X-Request-ID": chosen})
    given = answer.headers["X-Request-ID"]
    assert (len(given), answer.json()["error"]["request_id"]) == (32, given)
    assert given != chosen
    user = UserFactory()
    body = {"email": user.email, "password": PASSWORD}
    assert (
        client.post("/api/auth/login/", body, "application/json", headers={"X-Request-ID": chosen}).status_code == 200
    )
    assert AuditEvent.objects.count() == 1
    assert not AuditEvent.objects.filter(request_id=chosen).exists()
    assert not OutgoingMail.objects.filter(request_id=chosen).exists()


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "203.0.113.1", "127.0.0.1"),
        (1, "203.0.113.1", "203.0.113.1"),
        (1, "10.9.9.9, 203.0.113.1", "203.0.113.1"),
        (2, "10.9.9.9, 203.0.113.1, 192.0.2.1", "203.0.113.1"),
        (2, "203.0.113.1", "127.0.0.1"),
        (1, "nonsense", "127.0.0.1"),
        (1, "203.0.113.1:4711", "203.0.113.1"),
        (1, "[2001:db8::1]:4711", "2001:db8::1"),
        (1, "[2001:db8::1]", "2001:db8::1"),
        (1, "2001:db8::1", "2001:db8::1"),
        (1, "", "127.0.0.1"),
    ],
)
def test_forwarded_addresses_are_believed_for_our_own_proxies_only(
    settings: Settings, proxies: int, forwarded: str, address: str | None
) -> None:
    settings.KEYSTONE = {"TRUSTED_PROXIES": proxies}
    assert client_address(RequestFactory().get("/", headers={"X-Forwarded-For": forwarded})) == address


def test_the_schema_is_valid_and_without_a_warning(tmp_path: Path) -> None:
    target = tmp_path / "schema.yaml"
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(target))
    text = target.read_text()
    assert "/api/auth/register/:" in text
    assert "#/components/schemas/Error" in text
    assert "summary: Register a person\n" in text


def test_an_address_without_its_slash_is_told_so_and_loses_nothing(client: Client, settings: Settings) -> None:
    for settings.DEBUG in (True, False):
        answer = client.post("/api/auth/login", {}, content_type="application/json")
        assert (answer.status_code, answer.json()["error"]["message"]) == (
            404,
            "There is nothing at this URL. Every URL ends with a slash.",
        )


@pytest.mark.django_db
def test_answers_of_the_api_are_kept_by_no_cache(client: Client) -> None:
    assert client.get("/api/me/").headers["Cache-Control"] == "no-store"


def test_a_database_that_does_not_answer_is_a_503(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OperationalError("connection to 10.1.2.3 failed")

    monkeypatch.setattr(connection, "ensure_connection", refuse)
    body = {"email": "ann@example.com", "password": "x"}
    answer = client.post("/api/auth/login/", body, content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "5"
    assert "10.1.2.3" not in answer.content.decode()


def test_the_icon_is_a_local_file(client: Client) -> None:
    answer = client.get("/favicon.ico")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/static/keystone/pages/mark.svg")


@pytest.mark.django_db
def test_the_schema_is_served(client: Client, django_assert_num_queries: Callable[..., object]) -> None:
    answer = client.get("/api/schema/", headers={"Accept": "application/json"})
    assert answer.status_code == 200
    assert answer.json()["components"]["securitySchemes"]["accessToken"]["scheme"] == "bearer"
