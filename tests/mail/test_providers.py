"""Sending by a provider's API: the request that it gets, and what its answers come to. The API runs on this machine."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from anymail.exceptions import AnymailUnsupportedFeature
from django.core.mail import mailers
from pytest_django import Settings

from keystone.mail import failures
from keystone.mail.models import MailState
from keystone.settings.mail_providers import PROVIDERS
from tests.mail.sending import deliver, only, queued
from tests.serving import serving

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("probe")]


class PostmarkApi(ThreadingHTTPServer):
    """Takes mails as Postmark does; `answers` is by recipient, with the status."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Api)
        self.taken: list[dict[str, Any]] = []
        self.answers: dict[str, tuple[int, dict[str, Any]]] = {}


class _Api(BaseHTTPRequestHandler):
    server: PostmarkApi

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.headers["X-Postmark-Server-Token"] == "the key"
        ok = {"ErrorCode": 0, "Message": "OK", "MessageID": f"p-{len(self.server.taken)}", "To": body["To"]}
        status, answer = self.server.answers.get(body["To"], (200, ok))
        if status == 200:
            self.server.taken.append(body)
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def api(settings: Settings) -> Iterator[PostmarkApi]:
    """The API that all mails go to."""
    with serving(PostmarkApi()) as server:
        options = {"server_token": "the key", "api_url": f"http://127.0.0.1:{server.server_address[1]}/", "timeout": 5}
        settings.MAILERS = {"default": {"BACKEND": "anymail.backends.postmark.EmailBackend", "OPTIONS": options}}
        yield server


def test_a_mail_goes_out_by_the_api_and_its_id_is_kept(api: PostmarkApi) -> None:
    [mail_id] = queued("ada@example.com")
    assert deliver([mail_id]) == 1
    [sent] = api.taken
    assert sent["To"] == "ada@example.com"
    assert sent["TextBody"].startswith("Hello Ada,")
    assert {"Name": "Message-ID", "Value": only(mail_id).message_id} in sent["Headers"]
    assert (only(mail_id).state, only(mail_id).provider_id) == (MailState.SENT, "p-0")


def test_an_address_that_the_provider_refuses_has_failed_and_keeps_no_other_back(api: PostmarkApi) -> None:
    inactive = {"ErrorCode": 406, "Message": "Found inactive addresses: a@example.com. Inactive recipients are…"}
    api.answers = {"a@example.com": (422, inactive)}
    ids = queued("a@example.com", "b@example.com")
    assert deliver(ids) == 1
    assert (only(ids[0]).state, only(ids[0]).last_error) == (
        MailState.FAILED,
        "The provider refuses to send to this address.",
    )


@pytest.mark.parametrize(("status", "tried"), [(401, 1), (429, 1), (500, 1), (422, 2)])
def test_other_answers_are_tried_again_later(api: PostmarkApi, status: int, tried: int) -> None:
    api.answers = {"a@example.com": (status, {"ErrorCode": 10, "Message": "no"})}
    ids = queued("a@example.com", "b@example.com")
    assert deliver(ids) == tried - 1
    assert (only(ids[0]).state, only(ids[0]).last_error) == (
        MailState.QUEUED,
        f"The provider answered with the HTTP status {status}."
        + (" Check EMAIL_PROVIDER_KEY." if status == 401 else ""),
    )


def test_an_api_that_cannot_be_reached_puts_all_off(settings: Settings) -> None:
    options = {"server_token": "the key", "api_url": "http://127.0.0.1:1/", "timeout": 5}
    settings.MAILERS = {"default": {"BACKEND": "anymail.backends.postmark.EmailBackend", "OPTIONS": options}}
    ids = queued("a@example.com", "b@example.com")
    assert deliver(ids) == 0
    assert [only(mail_id).last_error for mail_id in ids] == [
        "The provider cannot be reached. Check EMAIL_PROVIDER_URL, and the network."
    ] * 2


def test_a_mailer_that_is_set_up_wrongly_loses_no_mail(settings: Settings) -> None:
    settings.MAILERS = {"default": {"BACKEND": "anymail.backends.postmark.EmailBackend", "OPTIONS": {}}}
    ids = queued("a@example.com")
    assert deliver(ids) == 0
    assert (only(ids[0]).state, only(ids[0]).last_error) == (
        MailState.QUEUED,
        "The mail could not be sent: AnymailInvalidMailer.",
    )


def test_what_a_provider_cannot_do_is_not_the_mails_fault() -> None:
    failure = failures.of_sending(AnymailUnsupportedFeature("headers"))
    assert failure.reason == "The provider cannot send this mail: AnymailUnsupportedFeature."
    assert failure.is_final is False


@pytest.mark.parametrize("name", PROVIDERS)
def test_every_provider_has_a_backend_that_takes_its_options(settings: Settings, name: str) -> None:
    options = {PROVIDERS[name].key_option: "the key", "timeout": 10, "api_url": "https://api.example.com/"}
    settings.MAILERS = {"default": {"BACKEND": f"anymail.backends.{name}.EmailBackend", "OPTIONS": options}}
    assert mailers["default"].timeout == 10  # type: ignore[attr-defined]  # anymail's
