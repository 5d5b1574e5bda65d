"""What the optional question to a breach service sends, and that nobody is kept out where it has no answer."""

import hashlib
import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from pytest_django import Settings
from rest_framework.test import APIClient

from keystone.passwords.breaches import LONGEST_ANSWER, MOST_QUESTIONS, BreachedPasswordValidator
from tests.passwords.breach_service import (
    BreachService,
    Conduct,
    answering,
    endless,
    hanging,
    sending,
    trickling,
)

PASSWORD = "zebra-plum-canoe"
DIGEST = hashlib.sha1(PASSWORD.encode(), usedforsecurity=False).hexdigest().upper()
PREFIX, SUFFIX = DIGEST[:5], DIGEST[5:]
OTHER = "0018A45C4D1DEF81644B54AB7F969B88D65"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@contextmanager
def asking(endpoint: str, *, timeout: float = 5.0) -> Iterator[BreachedPasswordValidator]:
    """The validator; its connections are closed at the end, and its threads have ended."""
    validator = BreachedPasswordValidator(endpoint=endpoint, timeout=timeout)
    try:
        yield validator
    finally:
        validator._client.client.close()
        for thread in threading.enumerate():
            if thread.name == "breach-service":
                thread.join(timeout=10)


def says(validator: BreachedPasswordValidator) -> str | None:
    """The code of the refusal; None where the password passed."""
    try:
        validator.validate(PASSWORD)
    except ValidationError as error:
        return error.code
    return None


# -- It answers --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (f"{OTHER}:7\r\n{SUFFIX}:3", "password_breached"),
        (f"{SUFFIX}:1,234", "password_breached"),
        (f"{OTHER}:7\r\n{SUFFIX[:-1]}G:3", None),
        (f"{OTHER}:7\r\n{SUFFIX}:0", None),  # padding
        ("", None),
    ],
)
def test_a_breached_password_is_refused(body: str, code: str | None, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with BreachService.running(answering(body)) as service, asking(service.endpoint) as validator:
        assert says(validator) == code
    assert caplog.records == []


def test_only_five_characters_of_the_digest_leave_this_machine() -> None:
    with BreachService.running(answering(OTHER + ":7")) as service, asking(service.endpoint + "/") as validator:
        assert says(validator) is None
    [request] = service.requests
    first, *headers = request.strip().split("\r\n")
    assert first == f"GET /range/{PREFIX} HTTP/1.1"
    values = {name.lower(): value for name, value in (header.split(": ", 1) for header in headers)}
    assert values["add-padding"] == "true"
    assert sorted(values) == ["accept", "accept-encoding", "add-padding", "connection", "host", "user-agent"]
    for secret in (PASSWORD, DIGEST[:6], SUFFIX[:6]):
        assert secret.lower() not in request.lower()


# -- It does not -------------------------------------------------------------------------------------------------
HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("conduct", "reason"),
    [
        (answering("sorry", status="500 Internal Server Error"), "http_error"),
        (answering(f"{SUFFIX}:3", status="503 Service Unavailable"), "http_error"),
        (answering("slow down", status="429 Too Many Requests", headers="Retry-After: 2\r\n"), "http_error"),
        (answering("", status="302 Found", headers="Location: http://127.0.0.1:1/range/\r\n"), "http_error"),
        (answering("<html>Sign in to this network</html>"), "unknown_error"),
        (answering("\x00\x01:many"), "unknown_error"),
        (answering("not gzip", headers="Content-Encoding: gzip\r\n"), "request_error"),
        (sending(b"SSH-2.0-OpenSSH_9.9\r\n"), "request_error"),
        (sending(HEAD + b"Content-Length: 99\r\n\r\nshort"), "request_error"),
        (sending(b""), "request_error"),
        (endless, "request_error"),
    ],
)
def test_an_answer_that_is_none_lets_the_password_pass(
    conduct: Conduct, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with BreachService.running(conduct) as service, asking(service.endpoint) as validator:
        assert says(validator) is None
    assert len(service.requests) == 1
    assert_one_line(caplog, reason)


@pytest.mark.parametrize(
    "conduct", [hanging, trickling(b""), trickling(HEAD + b"X-Long: "), trickling(HEAD + b"\r\n" + b"A" * 99)]
)
def test_a_service_that_hangs_or_trickles_is_waited_for_no_longer_than_allowed(
    conduct: Conduct, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with BreachService.running(conduct) as service, asking(service.endpoint, timeout=1.0) as validator:
        started = time.monotonic()
        assert says(validator) is None
        assert time.monotonic() - started < 10
        assert len(service.requests) == 1
        service.over.set()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert ("(TimeoutError)" in caplog.text) or ("(api_timeout)" in caplog.text)


def test_a_service_that_is_down_lets_the_password_pass(caplog: pytest.LogCaptureFixture) -> None:
    with BreachService.running(hanging) as service:
        endpoint = service.endpoint
    caplog.set_level(logging.DEBUG)
    with asking(endpoint) as validator:
        assert says(validator) is None
    assert_one_line(caplog, "request_error")


def test_a_service_that_hangs_holds_no_more_threads_than_a_few(caplog: pytest.LogCaptureFixture) -> None:
    with BreachService.running(trickling(b"")) as service, asking(service.endpoint, timeout=0.2) as validator:
        for _ in range(MOST_QUESTIONS):
            assert says(validator) is None
        caplog.clear()
        assert says(validator) is None
        assert_one_line(caplog, "TooManyQuestions")
        assert len(service.requests) == MOST_QUESTIONS


def test_a_machine_without_threads_lets_the_password_pass(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with asking("http://127.0.0.1:1") as validator:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            for _ in range(MOST_QUESTIONS + 1):
                caplog.clear()
                assert says(validator) is None
                assert_one_line(caplog, "RuntimeError")
        caplog.clear()
        assert says(validator) is None
        assert_one_line(caplog, "request_error")


def test_no_password_is_too_strange_to_be_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    with asking("http://127.0.0.1:1") as validator:
        validator.validate("\ud800 is half a character")
        assert validator.get_help_text() == "Your password cannot be one that has appeared in a data breach."
    assert_one_line(caplog, "unknown_error")


def assert_one_line(caplog: pytest.LogCaptureFixture, reason: str) -> None:
    expected = f"The breach service gave no answer ({reason}); the password passed without its judgement."
    assert [record.getMessage() for record in caplog.records] == [expected]
    [record] = caplog.records
    assert (record.levelname, record.exc_info) == ("WARNING", None)
    everything = json.dumps(record.__dict__, default=repr).upper()
    assert not any(secret in everything for secret in (PASSWORD.upper(), PREFIX, SUFFIX))


# -- In force ----------------------------------------------------------------------------------------------------
def validators(environment: dict[str, str]) -> tuple[list[dict[str, object]], bool]:
    """The setting in such an environment, and whether the client was loaded for it."""
    program = (
        "import json, sys; from django.conf import settings; v = settings.AUTH_PASSWORD_VALIDATORS\n"
        "print(json.dumps([v, 'httpx' in sys.modules]))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=django_settings.BASE_DIR,
        env={"DJANGO_SETTINGS_MODULE": "config.settings.testing", "PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    found, loaded = json.loads(result.stdout)
    return found, loaded


@pytest.mark.slow
def test_nobody_is_asked_unless_it_is_set() -> None:
    name = "keystone.passwords.breaches.BreachedPasswordValidator"
    without, loaded = validators({"PASSWORD_BREACH_API": "https://breaches.example.com/range/"})
    assert (name not in [validator["NAME"] for validator in without], loaded) == (True, False)
    usual = {"endpoint": "https://api.pwnedpasswords.com/range", "timeout": 1.0}
    on = {"PASSWORD_BREACH_CHECK": "true"}
    assert validators(on)[0] == [*without, {"NAME": name, "OPTIONS": usual}]
    own = {"PASSWORD_BREACH_API": "https://breaches.example.com/range/", "PASSWORD_BREACH_TIMEOUT": "0.5"}
    options = {"endpoint": "https://breaches.example.com/range", "timeout": 0.5}
    assert validators(on | own)[0] == [*without, {"NAME": name, "OPTIONS": options}]


@pytest.mark.django_db
def test_the_api_refuses_a_breached_password_and_the_other_rules_still_judge(
    api: APIClient, settings: Settings
) -> None:
    body = {"email": "ann@example.com", "first_name": "Ann", "password": PASSWORD}
    name = "keystone.passwords.breaches.BreachedPasswordValidator"
    with BreachService.running(answering(f"{SUFFIX}:3")) as service:
        ours = {"NAME": name, "OPTIONS": {"endpoint": service.endpoint, "timeout": 5.0}}
        settings.AUTH_PASSWORD_VALIDATORS = [*settings.AUTH_PASSWORD_VALIDATORS, ours]
        answer = api.post("/api/auth/register/", body)
        message = "This password has appeared in a data breach, so attackers try it. Choose another one."
        assert (answer.status_code, answer.json()["error"]["fields"]) == (400, {"password": [message]})
        service.conduct = answering("sorry", status="500 Internal Server Error")
        assert api.post("/api/auth/register/", body).status_code == 202
        with pytest.raises(ValidationError, match="too common"):
            validate_password("password1")


def test_an_answer_is_read_no_further_than_it_can_be_long() -> None:
    lines = "".join(f"{number:035X}:1\r\n" for number in range(2_000)) + f"{SUFFIX}:3"
    assert len(lines) < LONGEST_ANSWER
    with BreachService.running(answering(lines)) as service, asking(service.endpoint) as validator:
        assert says(validator) == "password_breached"
