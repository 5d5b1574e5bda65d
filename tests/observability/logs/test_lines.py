"""What a line looks like, in both forms, and that nothing that is quoted can make one."""

import logging
import secrets
import threading
import urllib.request

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import WSGIRequestHandler, WSGIServer
from django.test import Client
from loguru import logger as loguru_logger

from keystone.accounts.tokens import TOKEN_BYTES, Purpose
from keystone.observability.logs.context import current_log_context, log_context
from keystone.observability.logs.intercepting import InterceptHandler
from keystone.observability.origin import origin
from keystone.testing.factories import UserFactory
from tests.accounts.mailed_links import token_for
from tests.observability.logs.conftest import Written

logger = logging.getLogger("somebody.elses")
FORGED = "x\n2026-01-01T00:00:00.000Z ERROR root: forged\r\n{}\x1b[2J\x0b\x0c\x85\u2028\u2029\u202e\x00\ud800"


def test_a_line_for_machines_has_what_is_known(json_log: Written) -> None:
    with origin(request_id="request-1", ip_address="192.0.2.7"), log_context(task="a.b", task_id="7"):
        logger.warning("%s is %d", "one", 1, extra={"job": {"token": "x", "n": 1}, "level": "mine", "thing": object()})
    [entry] = json_log.entries()
    assert entry.pop("time").endswith("Z")
    assert entry.pop("process") > 0
    assert entry == {
        "level": "WARNING",
        "logger": "somebody.elses",
        "message": "one is 1",
        "thread": "MainThread",
        "request_id": "request-1",
        "ip": "192.0.2.7",
        "task": "a.b",
        "task_id": "7",
        "job": {"token": "…", "n": 1},
        "level_": "mine",
    }
    assert dict(current_log_context()) == {}


def test_a_line_for_people_has_what_is_known(log: Written) -> None:
    with origin(request_id="request-1", ip_address="192.0.2.7"), log_context(task="a.b", task_id="7"):
        logger.warning("%s is %d", "one", 1, extra={"count": 3})
    time, rest = log.getvalue().split(" ", 1)
    assert time.endswith("Z")
    assert rest == "WARNING somebody.elses [request-1 192.0.2.7 7]: one is 1 count=3\n"


def test_what_is_quoted_forges_no_line_for_machines(json_log: Written) -> None:
    logger.error(FORGED, extra={"name_of_person": FORGED})
    assert json_log.getvalue().isascii()
    assert json_log.getvalue().count("\n") == 1
    [entry] = json_log.entries()
    assert entry["message"] == entry["name_of_person"] == FORGED


def test_what_is_quoted_forges_no_line_for_people(log: Written) -> None:
    logger.error(FORGED, extra={"name_of_person": FORGED})
    try:
        _raise(FORGED)
    except ValueError:
        logger.exception(FORGED, stack_info=True)
    lines = log.getvalue().splitlines()
    assert [line for line in lines if not line.startswith("    ")] == [
        lines[0],
        next(x for x in lines[1:] if x[0] == "2"),
    ]
    assert lines[1] == ("    2026-01-01T00:00:00.000Z ERROR root: forged\\x0d")
    assert lines[2].startswith(
        "    {}\\x1b[2J\\x0b\\x0c\\x85\\u2028\\u2029\\u202e\\x00\\ud800 name_of_person='x\\n2026"
    )


def test_a_traceback_is_below_its_line_and_masked(log: Written) -> None:
    path = f"/reset-password/{secrets.token_urlsafe(TOKEN_BYTES)}/"
    try:
        {"a": 1}[path]
    except KeyError:
        logger.exception("%s %r %d", path, {"path": path}, 7)
    text = log.getvalue()
    assert "ERROR somebody.elses: /reset-password/…/ {'path': '/reset-password/…/'} 7\n    Traceback" in text
    assert "\n    KeyError: '/reset-password/…/'\n" in text
    assert path not in text


def test_a_traceback_is_a_text_for_machines(json_log: Written) -> None:
    try:
        _raise("password=hunter2")
    except ValueError:
        logger.exception("Failed.")
    [entry] = json_log.entries()
    assert entry["exception"].endswith("\nValueError: password=…\n")
    assert entry["exception"].startswith("Traceback (most recent call last):\n")


def test_numbers_that_are_none_in_json_are_shown_as_text(json_log: Written) -> None:
    logger.info("Measured.", extra={"share": float("nan")})
    assert json_log.entries()[0]["share"] == "nan"


def test_loguru_itself_passes_the_gate(json_log: Written) -> None:
    loguru_logger.bind(token="x").info("password={}", "hunter2")
    [entry] = json_log.entries()
    assert (entry["message"], entry["token"], entry["logger"]) == ("password=…", "…", __name__)


def test_arguments_that_do_not_fit_are_told_without_raising_or_showing_them(log: Written) -> None:
    InterceptHandler().handle(_record("%d of %d", "hunter2"))
    assert log.getvalue().endswith("INFO somebody.elses: %d of %d (its arguments do not fit)\n")


def test_a_level_of_somebodys_own_is_kept(json_log: Written) -> None:
    logger.log(35, "Between.")
    assert json_log.entries()[0]["level"] == "Level 35"


class Unspeakable:
    """Something whose text cannot be had."""

    def __str__(self) -> str:
        raise RuntimeError


def test_what_cannot_be_shown_costs_the_line_and_nothing_else(log: Written) -> None:
    InterceptHandler().handle(_record(Unspeakable()))
    assert log.getvalue() == ""


def _record(message: object, *args: object) -> logging.LogRecord:
    """As `logging` makes it; pytest's own handler would fail the test for it."""
    return logging.LogRecord(logger.name, logging.INFO, __file__, 1, message, args, None)


def _raise(text: str) -> None:
    raise ValueError(text)


def test_caplog_and_the_log_both_get_a_record(log: Written, caplog: pytest.LogCaptureFixture) -> None:
    logger.warning("Once.")
    assert caplog.messages == ["Once."]
    assert log.getvalue().count("Once.") == 1


@pytest.mark.django_db
@pytest.mark.parametrize("page", ["verify-email", "reset-password", "confirm-email", "revert-email"])
def test_what_django_refuses_is_logged_without_the_token_and_with_the_request(json_log: Written, page: str) -> None:
    token = token_for(UserFactory(), Purpose.RESET_PASSWORD)
    path = f"/{page}/{token}/"
    given = {"X-Request-ID": "request-77", "X-Forwarded-For": "192.0.2.9"}
    assert Client(headers=given).put(path).status_code == 405
    assert Client(headers=given, enforce_csrf_checks=True).post(path).status_code == 403
    assert Client(headers=given).get(f"{path}more/").status_code == 404
    entries = json_log.entries()
    assert [
        (entry["logger"], entry["message"].rpartition(" ms")[0].rpartition(" ")[0] or entry["message"])
        for entry in entries
    ] == [
        ("django.request", f"Method Not Allowed (PUT): /{page}/…/"),
        ("keystone.observability.logs.access", f"PUT /{page}/…/ 405"),
        ("django.security.csrf", f"Forbidden (CSRF cookie not set.): /{page}/…/"),
        ("keystone.observability.logs.access", f"POST /{page}/…/ 403"),
        ("keystone.observability.logs.access", f"GET /{page}/…/more/ 404"),
        ("django.request", f"Not Found: /{page}/…/more/"),
    ]
    assert {entry["caller_request_id"] for entry in entries} == {"request-77"}
    assert [len(entry["request_id"]) for entry in entries] == [32] * 6
    assert {entry["ip"] for entry in entries} == {"127.0.0.1"}
    assert token not in json_log.getvalue()


@pytest.mark.django_db
def test_the_line_of_a_request_names_a_person_that_was_looked_up(json_log: Written) -> None:
    user = UserFactory(is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(user)
    client.get("/admin/")
    client.get("/api/health/live/?token=secret&q=words")
    about = [entry for entry in json_log.entries() if entry["logger"] == "keystone.observability.logs.access"]
    assert [(entry.get("user"), entry["path"], entry["method"]) for entry in about] == [
        (str(user.pk), "/admin/", "GET"),
        (None, "/api/health/live/", "GET"),
    ]
    assert about[1]["status"] == 200
    assert about[1]["ms"] >= 0
    assert "words" not in json_log.getvalue()


def test_the_server_of_development_says_each_request_once(log: Written) -> None:
    token = secrets.token_urlsafe(TOKEN_BYTES)
    with WSGIServer(("127.0.0.1", 0), WSGIRequestHandler) as server:
        server.set_app(WSGIHandler())
        answering = threading.Thread(target=server.handle_request)
        answering.start()
        address = f"http://127.0.0.1:{server.server_port}/api/health/live/?next=/reset-password/{token}/"
        with urllib.request.urlopen(address) as answer:
            assert answer.status == 200
        answering.join(timeout=10)
    assert log.getvalue().count("/api/health/live/") == 1
    assert "GET /api/health/live/ 200" in log.getvalue()
    logging.getLogger("django.server").info("- Broken pipe from %s", "127.0.0.1")
    assert log.getvalue().count("Broken pipe") == 1
    assert token not in log.getvalue()
