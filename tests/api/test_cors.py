"""CORS: the scripts of the sites on the list, exactly those, with a token and never with this site's cookies."""

import pytest
from django.conf import settings as django_settings
from django.test import Client
from pytest_django import Settings

from keystone.testing.factories import superuser
from tests.contract.roles import SignedIn

APP = "https://app.example.com"
EXPOSED = "Content-Disposition, Retry-After, WWW-Authenticate, X-Request-ID"
ALLOW = "Access-Control-Allow-Origin"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def listed(settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = [APP, "http://localhost:5173"]


def test_a_listed_origin_may_read_the_answer(client: Client) -> None:
    for origin in (APP, "http://localhost:5173"):
        answer = client.get("/api/health/live/", headers={"Origin": origin})
        assert answer.headers[ALLOW] == origin
        assert "origin" in answer.headers["Vary"].split(", ")
        assert answer.headers["Access-Control-Expose-Headers"] == EXPOSED
        assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "*",
        "file://",
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://app.example.com.evil.example",
        "https://evil.example/app.example.com",
        "https://user@app.example.com",
        "https://APP.example.com",
        "https://[",
        "app.example.com",
        "",
    ],
)
def test_no_other_origin_may(client: Client, origin: str) -> None:
    for method in ("GET", "OPTIONS"):
        headers = {"Origin": origin, "Access-Control-Request-Method": "GET"}
        answer = client.generic(method, "/api/health/live/", headers=headers)
        assert ALLOW not in answer.headers
        assert "origin" in answer.headers["Vary"]  # a cache must not hand this answer to a listed site


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_a_preflight_lets_every_method_pass_with_a_token(client: Client, method: str) -> None:
    headers = {
        "Origin": APP,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization, content-type",
    }
    answer = client.options("/api/me/", headers=headers)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers[ALLOW] == APP
    assert method in answer.headers["Access-Control-Allow-Methods"].split(", ")
    allowed = set(answer.headers["Access-Control-Allow-Headers"].split(", "))
    assert {"authorization", "content-type", "x-request-id"} <= allowed
    assert {"traceparent", "tracestate", "baggage", "sentry-trace"} <= allowed
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_preflight_lets_headers_of_a_setting_pass(client: Client, settings: Settings) -> None:
    settings.CORS_ALLOW_HEADERS = [*django_settings.CORS_ALLOW_HEADERS, "x-client-version"]
    headers = {"Origin": APP, "Access-Control-Request-Method": "GET"}
    answer = client.options("/api/me/", headers=headers | {"Access-Control-Request-Headers": "x-client-version"})
    assert "x-client-version" in answer.headers["Access-Control-Allow-Headers"].split(", ")


def test_the_name_of_an_exported_file_can_be_read(signed_in: SignedIn) -> None:
    client = signed_in(superuser())
    answer = client.get("/api/users/export/", headers={"Origin": APP, "Accept": "text/csv"})
    assert answer.headers["Content-Disposition"] == 'attachment; filename="people.csv"'
    assert "Content-Disposition" in answer.headers["Access-Control-Expose-Headers"].split(", ")


@pytest.mark.parametrize("address", ["/api/me/", "/api/nowhere/", "/api/%00", "/api/auth/login/"])
def test_a_refusal_can_be_read_too(client: Client, address: str) -> None:
    answer = client.get(address, headers={"Origin": APP})
    assert answer.status_code >= 400
    assert answer.headers[ALLOW] == APP
    too_large = client.generic("POST", address, b"x" * 300_000, headers={"Origin": APP})
    assert too_large.headers[ALLOW] == APP


@pytest.mark.parametrize("address", ["/", "/admin/login/", "/docs/", "/static/keystone/pages/pages.css", "/apis/"])
def test_nothing_but_the_api_is_shared(client: Client, address: str) -> None:
    for method in ("GET", "OPTIONS"):
        answer = client.generic(method, address, headers={"Origin": APP, "Access-Control-Request-Method": "GET"})
        assert not [name for name in answer.headers if name.startswith("Access-Control-")]
        answer.close()


def test_nothing_is_shared_unless_somebody_is_named(client: Client, settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = []
    assert ALLOW not in client.get("/api/health/live/", headers={"Origin": APP}).headers


def test_there_is_no_wildcard_pattern_or_cookie_in_the_settings() -> None:
    for name in ("CORS_ALLOW_ALL_ORIGINS", "CORS_ALLOWED_ORIGIN_REGEXES", "CORS_ALLOW_CREDENTIALS"):
        assert not getattr(django_settings, name, False)
