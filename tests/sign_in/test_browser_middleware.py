"""Requests with a token pass the middleware for browsers, and nothing else does."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from keystone.accounts.models import User
from keystone.sign_in.browser_middleware import (
    AuthenticationMiddleware,
    MessageMiddleware,
    OTPMiddleware,
    SessionMiddleware,
)

CHAIN = (MessageMiddleware, OTPMiddleware, AuthenticationMiddleware, SessionMiddleware)


def passed(path: str, authorization: str) -> HttpRequest:
    """Return the request as a view finds it."""
    seen: list[HttpRequest] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(request)
        return HttpResponse()

    handler = view
    for middleware in CHAIN:
        handler = middleware(handler)
    handler(RequestFactory().get(path, headers={"Authorization": authorization}))
    [request] = seen
    return request


@pytest.mark.parametrize("scheme", ["Bearer x", "bearer x", "BEARER x"])
def test_a_request_with_a_token_has_no_session_and_is_anonymous(scheme: str) -> None:
    request = passed("/api/me/", scheme)
    assert not hasattr(request, "session")
    assert isinstance(request.user, AnonymousUser)


def test_every_other_request_has_a_session() -> None:
    for path, authorization in (
        ("/api/me/", ""),
        ("/api/me/", "Basic x"),
        ("/api/session/login/", "Bearer x"),
        ("/admin/", "Bearer x"),
        ("/apis/", "Bearer x"),
    ):
        assert hasattr(passed(path, authorization), "session")


@pytest.mark.django_db
def test_a_wrong_token_is_not_helped_by_a_cookie(root: User) -> None:

    client = Client()
    client.force_login(root)
    answer = client.get("/api/me/", headers={"Authorization": "Bearer x"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_token")
