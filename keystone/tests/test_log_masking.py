"""The log holds no token of a link, whoever writes the line."""

import io
import logging
import secrets
import threading
import urllib.request
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import WSGIRequestHandler, WSGIServer
from django.test import Client

from keystone.accounts.tokens import TOKEN_BYTES, Purpose
from keystone.log_masking import MaskingFormatter, masked
from keystone.tests.accounts.mailed_links import token_for
from keystone.tests.factories import UserFactory

PAGES = ["verify-email", "reset-password", "confirm-email", "revert-email", "accept-invitation"]


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the handler of the settings writes."""
    [handler] = [
        handler
        for handler in logging.getLogger().handlers
        if isinstance(handler, logging.StreamHandler) and isinstance(handler.formatter, MaskingFormatter)
    ]
    written = io.StringIO()
    before = handler.setStream(written)
    yield written
    handler.setStream(before)


@pytest.mark.parametrize("page", PAGES)
def test_a_token_is_masked_wherever_its_path_stands(page: str) -> None:
    for _ in range(50):  # with dashes and underscores at any place
        token = secrets.token_urlsafe(TOKEN_BYTES)
        assert masked(f"Not Found: /{page}/{token}/") == f"Not Found: /{page}/…/"
        assert masked(f"https://a.example/{page}/{token}?x=1") == f"https://a.example/{page}/…?x=1"
        inside = f"/admin/login/?next={quote(f'/{page}/{token}/', safe='')}"
        assert masked(inside) == f"/admin/login/?next=%2F{page}%2F…%2F"
        assert masked(f"/{page}/{token}/ /{page}/{token}/") == f"/{page}/…/ /{page}/…/"


@pytest.mark.parametrize("text", ["/reset-password/", "/reset-password/sent/", "/api/users/" + "a" * 40 + "/", ""])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert masked(text) == text


@pytest.mark.django_db
@pytest.mark.parametrize("page", ["verify-email", "reset-password", "confirm-email", "revert-email"])
def test_what_django_refuses_is_logged_without_the_token(log: io.StringIO, page: str) -> None:
    token = token_for(UserFactory(), Purpose.RESET_PASSWORD)
    path = f"/{page}/{token}/"
    assert Client().put(path).status_code == 405
    assert Client(enforce_csrf_checks=True).post(path).status_code == 403
    assert Client().get(f"{path}more/").status_code == 404
    lines = log.getvalue()
    assert f"django.request: Method Not Allowed (PUT): /{page}/…/" in lines
    assert f"django.security.csrf: Forbidden (CSRF cookie not set.): /{page}/…/" in lines
    assert f"django.request: Not Found: /{page}/…/more/" in lines
    assert token not in lines


def test_a_traceback_and_an_argument_of_any_kind_are_masked(log: io.StringIO) -> None:
    path = f"/reset-password/{secrets.token_urlsafe(TOKEN_BYTES)}/"
    try:
        {"a": 1}[path]
    except KeyError:
        logging.getLogger("somebody.elses").exception("%s %r %d", path, {"path": path}, 7)
    text = log.getvalue()
    assert "ERROR somebody.elses: /reset-password/…/ {'path': '/reset-password/…/'} 7\nTraceback" in text
    assert "\nKeyError: '/reset-password/…/'\n" in text
    assert path not in text


def test_the_server_of_development_logs_without_the_token(log: io.StringIO) -> None:
    token = secrets.token_urlsafe(TOKEN_BYTES)
    with WSGIServer(("127.0.0.1", 0), WSGIRequestHandler) as server:
        server.set_app(WSGIHandler())
        answering = threading.Thread(target=server.handle_request)
        answering.start()
        address = f"http://127.0.0.1:{server.server_port}/api/health/live/?next=/reset-password/{token}/"
        with urllib.request.urlopen(address) as answer:
            assert answer.status == 200
        answering.join(timeout=10)
    assert 'INFO django.server: "GET /api/health/live/?next=/reset-password/…/ HTTP/1.1" 200' in log.getvalue()
    assert log.getvalue().count("django.server") == 1
    assert token not in log.getvalue()
