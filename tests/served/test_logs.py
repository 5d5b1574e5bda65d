"""Promise 15: no password, token or link reaches the log or Sentry, whatever fails, and nobody forges a line."""

import json
import secrets
from pathlib import Path
from typing import Any

import pytest

from tests.observability.logs.sentry_sink import receiving
from tests.served.conftest import WIDE, Serve
from tests.served.server import Answer, Server
from tests.served.test_dump import parts, refused_pages, walk

pytestmark = pytest.mark.django_db(transaction=True)
JSON_LOG = {"LOG_FORMAT": "json", "GRANIAN_LOG_CONFIG": "keystone/server/granian_logs.json"}
FORGED = "2026-01-01T00:00:00.000Z ERROR root: forged"
ENVIRONMENT_CANARY = "CanaryOfTheEnvironment"
# A field, and a value that stands nowhere else.
BODY = {name: f"canary of {name} {secrets.token_hex(4)}" for name in ("password", "new_password", "current_password")}
BODY |= {"token": secrets.token_urlsafe(32), "refresh": f"canary of refresh {secrets.token_hex(4)}", "code": "918273"}
HEADERS = {
    "Authorization": f"Bearer canary.{secrets.token_hex(20)}",
    "Cookie": f"sessionid={secrets.token_hex(16)}; csrftoken={secrets.token_hex(16)}; other={secrets.token_hex(16)}",
    "X-CSRFToken": secrets.token_hex(16),
}
QUERY = {"token": f"canary-{secrets.token_hex(8)}", "password": f"canary-{secrets.token_hex(8)}"}
FAILING = "tests.served.failing:application"


def entries(server: Server) -> list[dict[str, Any]]:
    """The log's lines; one that is no JSON fails."""
    return [json.loads(line) for line in server.log.read_text().splitlines()]


def canaries() -> list[str]:
    """Each secret, and of each header and cookie what alone would do."""
    cookies = [part.partition("=")[2] for part in HEADERS["Cookie"].split("; ")]
    return [*BODY.values(), *QUERY.values(), HEADERS["Authorization"][7:], HEADERS["X-CSRFToken"], *cookies]


PROXY = {"TRUSTED_PROXIES": "1"}  # whose X-Request-ID is taken


def fail_everywhere(server: Server) -> list[Answer]:
    """Send the canaries to every way in, which fails."""
    query = "&".join(f"{name}={value}" for name, value in QUERY.items())
    paths = ["auth/register/", "auth/login/", "auth/refresh/", "auth/password/reset/confirm/", "auth/verify-email/"]
    answers = [
        server.post(
            f"/api/{path}?{query}", {"email": "a@b.example", **BODY}, headers={**HEADERS, "X-Request-ID": f"failed-{n}"}
        )
        for n, path in enumerate(paths)
    ]
    browser = server.browser()
    browser.send("GET", "/admin/login/")
    answers.append(browser.send("POST", "/admin/login/", {"username": "a@b.example", "password": BODY["password"]}))
    return answers


def test_no_secret_of_any_flow_stands_in_the_log(serve: Serve) -> None:
    server = serve(**JSON_LOG, **WIDE)
    secrets_by_name = walk(server)
    refused_pages(server, secrets_by_name)
    log = server.log.read_text()
    assert [name for name, secret in secrets_by_name.items() if any(part in log for part in parts(secret))] == []
    assert "/reset-password/" in log
    lines = [entry for entry in entries(server) if entry["logger"] == "keystone.observability.logs.access"]
    assert {"request_id", "ip", "method", "path", "status", "ms"} <= set(lines[-1])


def test_no_secret_stands_in_the_log_when_all_fails(serve: Serve) -> None:
    server = serve(FAILING, **JSON_LOG, **PROXY, SOME_PASSWORD=ENVIRONMENT_CANARY)
    assert [answer.status for answer in fail_everywhere(server)] == [500] * 6
    log = server.log.read_text()
    assert [canary for canary in [*canaries(), ENVIRONMENT_CANARY] if canary in log] == []
    failed = [entry for entry in entries(server) if entry["logger"] == "django.request"]
    assert [entry.get("request_id") for entry in failed][:5] == [f"failed-{number}" for number in range(5)]
    assert all("ValueError" in entry["exception"] for entry in failed)
    assert len(failed) == 6


def test_nobody_forges_a_line(serve: Serve) -> None:
    breaks = ["%0A", "%0D%0A", "%E2%80%A8", "%C2%85", "%0B", "%1B[2J"]
    for form in ("json", "lines"):
        server = serve(**(JSON_LOG | {"LOG_FORMAT": form}), **WIDE)
        before = len(server.log.read_text().split("\n"))
        for sign in breaks:
            forged = FORGED.replace(" ", "%20")
            given = {"X-Request-ID": "request-1\x85" + FORGED[:20], "User-Agent": f"x\x85{FORGED}"}
            assert server.get(f"/nowhere{sign}{forged}", headers=given).status == 404
            server.post("/api/auth/login/", {"email": f"a\n{FORGED}", "password": f"x\n{FORGED}"})
        lines = server.log.read_text().split("\n")[before - 1 :]
        assert any("forged" in line for line in lines)
        assert [line for line in lines if line.startswith(FORGED[:10])] == []
        assert "\x1b" not in "".join(lines)
        if form == "json":
            assert len([json.loads(line) for line in lines if line]) == 4 * len(
                breaks
            )  # the request, and what Django says of it


def test_sentry_hears_of_each_error_once_and_of_no_secret(tmp_path: Path) -> None:
    with receiving() as sentry:
        server = Server(
            tmp_path,
            application=FAILING,
            environment={
                **JSON_LOG,
                **PROXY,
                "TEST_SENTRY_DSN": sentry.dsn,
                "SOME_PASSWORD": ENVIRONMENT_CANARY,
                "SENTRY_RELEASE": "1.2.3",
            },
        )
        server.start()
        try:
            assert [answer.status for answer in fail_everywhere(server)] == [500] * 6
            events = sentry.wait_for("event", 6)
            transactions = sentry.wait_for("transaction", 7)
        finally:
            server.stop()
    events = sentry.items("event")
    assert len(events) == 6
    sent = b"\n".join(sentry.raw).decode()
    assert [canary for canary in [*canaries(), ENVIRONMENT_CANARY] if canary in sent] == []
    assert "password=canary" not in sent
    assert sorted(event["tags"]["request_id"] for event in events)[:5] != []
    assert {f"failed-{number}" for number in range(5)} <= {event["tags"]["request_id"] for event in events}
    for event in events:
        assert event["exception"]["values"][-1]["type"] == "ValueError"
        assert set(event["request"]) == {"method", "url", "headers"}
        assert {name.lower() for name in event["request"]["headers"]} <= {
            "host",
            "content-type",
            "content-length",
            "accept-encoding",
        }
        assert event["release"] == "1.2.3"
        assert all(
            "vars" not in frame for value in event["exception"]["values"] for frame in value["stacktrace"]["frames"]
        )
    assert len(transactions) >= 7
