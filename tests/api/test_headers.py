"""Headers: what every answer carries, whoever gives it, and what no header of a request may bring about."""

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from pytest_django import Settings
from rest_framework.test import APIClient

from keystone.exceptions import Refusal
from keystone.testing.factories import superuser

NONE_OF_IT = {"script-src 'self'", "style-src 'self'"}
INLINE_STYLES = {"script-src 'self'", "style-src 'self' 'unsafe-inline'"}
ADMIN = {"script-src 'self' 'unsafe-eval'", "style-src 'self' 'unsafe-inline'"}


class SlowDown(Refusal):
    """A refusal with everything that HTTP wants to know."""

    code = "slow_down"
    status = 429
    message = "Not <so> fast."
    retry_after = 7


class SignInFirst(Refusal):
    """A refusal of somebody unknown."""

    status = 401
    message = "Sign in first."


def fault(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("secret")


def slow_down(request: HttpRequest) -> HttpResponse:
    raise SlowDown


def sign_in_first(request: HttpRequest) -> HttpResponse:
    raise SignInFirst


handler400 = "keystone.api.errors.bad_request"
handler404 = "keystone.api.errors.page_not_found"
handler500 = "keystone.api.errors.server_error"
urlpatterns = [
    path(f"{prefix}{name}/", view)
    for prefix in ("", "api/")
    for name, view in (("fault", fault), ("slow", slow_down), ("unknown", sign_in_first))
]


def assert_secured(answer: HttpResponse, policy: set[str] = NONE_OF_IT) -> None:
    """Every header that a browser is to be told by."""
    headers = answer.headers
    directives = set(headers["Content-Security-Policy"].split("; "))
    assert {part for part in directives if part.startswith(("script-src", "style-src"))} == policy
    assert {"default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"} <= directives
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] in {"same-origin", "strict-origin"}
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert len(headers["X-Request-ID"]) == 32


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "address", "status", "policy"),
    [
        ("GET", "/", 200, NONE_OF_IT),
        ("GET", "/docs/", 200, NONE_OF_IT),
        ("GET", "/docs/?script=", 200, NONE_OF_IT),
        ("GET", "/redoc/", 200, INLINE_STYLES),
        ("GET", "/admin/", 302, ADMIN),
        ("GET", "/admin/login/", 200, ADMIN),
        ("GET", "/admin/nowhere/", 302, ADMIN),
        ("GET", "/admin", 301, NONE_OF_IT),
        ("GET", "/docs", 302, NONE_OF_IT),
        ("GET", "/favicon.ico", 302, NONE_OF_IT),
        ("GET", "/nowhere/", 404, NONE_OF_IT),
        ("GET", "/%00", 400, NONE_OF_IT),
        ("PUT", "/verify-email/resend/", 405, NONE_OF_IT),
        ("GET", "/static/keystone/pages/pages.css", 200, NONE_OF_IT),
        ("GET", "/static/keystone/nowhere.css", 404, NONE_OF_IT),
        ("GET", "/api/health/live/", 200, NONE_OF_IT),
        ("GET", "/api/session/login/", 200, NONE_OF_IT),
        ("GET", "/api/nowhere/", 404, NONE_OF_IT),
        ("GET", "/api/me/", 401, NONE_OF_IT),
        ("GET", "/api/auth/login/", 405, NONE_OF_IT),
        ("POST", "/api/auth/login/", 400, NONE_OF_IT),
        ("DELETE", "/api/session/login/", 405, NONE_OF_IT),
        ("TRACE", "/api/health/live/", 405, NONE_OF_IT),
    ],
)
def test_every_answer_is_secured(client: Client, method: str, address: str, status: int, policy: set[str]) -> None:
    answer = client.generic(method, address)
    assert answer.status_code == status
    assert_secured(answer, policy)  # type: ignore[arg-type]  # the client's answer is one of Django's
    if address.startswith("/api/") and status >= 400:
        assert set(answer.json()["error"]) == {"code", "message", "fields", "request_id"}
    answer.close()


@pytest.mark.django_db
def test_the_api_may_set_styles_on_its_pages_and_not_in_its_json(client: Client) -> None:
    client.force_login(superuser())
    for accept, policy in (("text/html", INLINE_STYLES), ("application/json", NONE_OF_IT)):
        answer = client.get("/api/me/", headers={"Accept": accept})
        assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (200, accept)
        assert_secured(answer, policy)  # type: ignore[arg-type]  # as above


@pytest.mark.django_db
def test_the_other_refusals_of_the_middleware_are_secured(client: Client, settings: Settings) -> None:
    assert_secured(client.generic("POST", "/api/me/", b"x" * 300_000))  # type: ignore[arg-type]  # as above
    answer = Client(enforce_csrf_checks=True).post("/verify-email/resend/", {"email": "a@example.com"})
    assert answer.status_code == 403
    assert_secured(answer)  # type: ignore[arg-type]  # as above
    answer = client.get("/", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert_secured(answer)  # type: ignore[arg-type]  # as above


def test_a_redirect_to_https_is_secured(client: Client, settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    answer = Client().get("/docs/")
    assert (answer.status_code, answer.headers["Location"]) == (301, "https://testserver/docs/")
    assert_secured(answer)  # type: ignore[arg-type]  # as above


@pytest.mark.django_db
def test_static_files_are_for_this_site_only(client: Client) -> None:
    answer = client.get("/static/keystone/pages/pages.css", headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in answer.headers
    answer.close()


def test_a_fault_of_ours_is_secured(settings: Settings) -> None:
    settings.ROOT_URLCONF = __name__
    client = Client(raise_request_exception=False)
    for address in ("/fault/", "/api/fault/"):
        answer = client.get(address)
        assert answer.status_code == 500
        assert_secured(answer)  # type: ignore[arg-type]  # as above
        assert "secret" not in answer.content.decode()
    assert answer.json()["error"]["code"] == "server_error"


# -- Refusals outside DRF ----------------------------------------------------------------------------------------
def test_a_refusal_of_a_page_is_a_page(client: Client, settings: Settings) -> None:
    settings.ROOT_URLCONF = __name__
    answer = client.get("/slow/")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    assert "Not &lt;so&gt; fast." in answer.content.decode()
    assert_secured(answer)  # type: ignore[arg-type]  # as above
    answer = client.get("/unknown/")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="api"')


def test_a_refusal_under_the_api_is_the_envelope(client: Client, settings: Settings) -> None:
    settings.ROOT_URLCONF = __name__
    answer = client.get("/api/slow/")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    error = answer.json()["error"]
    assert (error["code"], error["message"], error["request_id"]) == (
        "slow_down",
        "Not <so> fast.",
        answer.headers["X-Request-ID"],
    )


def test_a_method_that_is_not_allowed_names_those_that_are(client: Client) -> None:
    answer = client.delete("/api/session/login/")
    assert answer.json()["error"]["code"] == "method_not_allowed"
    assert answer.headers["Allow"] == "GET, POST, PUT, HEAD, OPTIONS"
    assert client.put("/verify-email/resend/").headers["Allow"] == "GET, HEAD, POST"


@pytest.mark.django_db
def test_a_401_tells_what_is_wrong_with_a_token_and_nothing_where_none_was_sent(api: APIClient) -> None:
    plain, invalid = 'Bearer realm="api"', 'Bearer realm="api", error="invalid_token"'
    assert api.get("/api/me/").headers["WWW-Authenticate"] == plain
    wrong = {"email": "nobody@example.com", "password": "wrong"}
    assert api.post("/api/auth/login/", wrong).headers["WWW-Authenticate"] == plain
    assert api.post("/api/auth/refresh/", {"refresh": "nonsense"}).headers["WWW-Authenticate"] == invalid


# -- What a caller writes stays out of the answer's headers ------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize("text", ["1%0d%0aX-Evil:%201", '1";%20filename="evil.exe', "%C3%A9", "1%0a"])
def test_the_schema_takes_nothing_into_its_headers(client: Client, text: str) -> None:
    answer = client.get(f"/api/schema/?version={text}&lang={text}", headers={"Accept": "application/json"})
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"] == 'inline; filename="Keystone.json"'
    assert "X-Evil" not in answer.headers
