"""What Sentry is told, and when it is told anything."""

from typing import Any, cast

import pytest

from keystone.observability.logs.context import log_context
from keystone.observability.origin import origin
from tests.observability.logs.processes import run
from tests.observability.logs.sentry_sink import receiving


@pytest.mark.slow
def test_without_a_dsn_of_the_environment_nothing_of_sentrys_is_loaded() -> None:
    done = run("import sys; print('sentry_sdk' in sys.modules)", SENTRY_DSN="https://a@b.example/1")
    assert done.stdout == "False\n", done.stderr


@pytest.mark.slow
def test_an_error_of_a_task_or_command_is_told_once_with_what_it_belongs_to() -> None:
    # The canary is put together at run time: the lines of the code itself are sent.
    code = """
import logging
from keystone.observability.origin import origin
from keystone.observability.logs.context import log_context
logger = logging.getLogger("a.b")
variable = "can" + "ary"
with origin(request_id="request-1"), log_context(task="a.b.c", task_id="7"):
    try:
        raise ValueError(f"password={variable}")
    except ValueError as error:
        logger.info("token=%s", variable)
        logger.error("It failed with token=%s.", variable, exc_info=error, extra={"secret": variable})
        logger.exception("It failed, said again.")
raise KeyError(f"token={variable}")
"""
    with receiving() as sentry:
        done = run(code, TEST_SENTRY_DSN=sentry.dsn, LOG_FORMAT="json", SENTRY_ENVIRONMENT="trial")
        events = sentry.wait_for("event", 2)
    assert done.returncode == 1
    first, second = events
    assert first["tags"] == {"request_id": "request-1", "task": "a.b.c", "task_id": "7"}
    assert first["exception"]["values"][0]["value"] == "password=…"
    assert first["environment"] == "trial"
    assert [crumb["message"] for crumb in first["breadcrumbs"]["values"]] == ["token=…"]
    assert second["exception"]["values"][0]["value"] == "'token=…'"
    assert b"canary" not in b"".join(sentry.raw)
    assert "canary" not in done.stderr


def test_an_event_is_scrubbed() -> None:
    from keystone.observability.logs import sentry

    event = {
        "event_id": "0123456789abcdef0123456789abcdef",
        "request": {
            "method": "POST",
            "url": "https://host/reset-password/" + "aB1" * 14 + "c/?token=canary",
            "query_string": "token=canary",
            "cookies": {"sessionid": "canary"},
            "env": {"SOME": "canary"},
            "data": "canary",
            "headers": {"Cookie": "canary", "User-Agent": "curl", "X-Anything": "canary"},
        },
        "exception": {"values": [{"value": "token=canary", "stacktrace": {"frames": [{"vars": {"x": "canary"}}]}}]},
        "threads": {"values": [{}]},
        "extra": {"request": "<WSGIRequest: GET '/?x=canary'>", "password": "canary", "n": 1},
        "modules": {"some-token-package": "1.0"},
        "tags": {"kept": "yes"},
        "spans": [{"op": "subprocess", "description": "canary"}, {"op": "db", "description": "SELECT 1"}],
    }
    with origin(request_id="request-1"), log_context(task_id="7"):
        scrubbed = cast("dict[str, Any]", sentry.scrub(cast("Any", event), {}))
    assert "canary" not in repr(scrubbed)
    assert scrubbed["request"] == {
        "method": "POST",
        "url": "https://host/reset-password/…/",
        "headers": {"User-Agent": "curl"},
    }
    assert scrubbed["tags"] == {"kept": "yes", "task_id": "7", "request_id": "request-1"}
    assert scrubbed["extra"] == {"password": "…", "n": 1}
    assert scrubbed["modules"] == {"some-token-package": "1.0"}
    assert scrubbed["spans"] == [{"op": "db", "description": "SELECT 1"}]
    assert scrubbed["event_id"] == "0123456789abcdef0123456789abcdef"
    assert sentry.scrub({}, {}) == {"tags": {}}


def test_a_breadcrumb_is_scrubbed() -> None:
    from keystone.observability.logs import sentry

    asked = {"url": "https://user:canary@api.example/range/ABCDE", "method": "GET", "status_code": 200, "x": "canary"}
    assert sentry.scrub_breadcrumb({"category": "httplib", "data": asked}, {}) == {
        "category": "httplib",
        "data": {"method": "GET", "status_code": 200, "url": "api.example"},
    }
    assert sentry.scrub_breadcrumb({"category": "subprocess", "message": "canary"}, {}) is None
    said = {"category": "a.b", "message": "token=canary", "data": {"password": "canary"}}
    assert sentry.scrub_breadcrumb(said, {}) == {"category": "a.b", "message": "token=…", "data": {"password": "…"}}


def test_a_statement_is_scrubbed_with_the_event_that_tells_of_it() -> None:
    from keystone.observability.logs import sentry

    statement: Any = {"category": "query", "message": "SELECT 1 WHERE token = 'canary'", "data": {"password": "canary"}}
    assert sentry.scrub_breadcrumb(statement, {}) == statement
    event: Any = sentry.scrub({"breadcrumbs": {"values": [statement]}}, {})
    assert event["breadcrumbs"]["values"] == [
        {"category": "query", "message": "SELECT 1 WHERE token = '…'", "data": {"password": "…"}}
    ]
