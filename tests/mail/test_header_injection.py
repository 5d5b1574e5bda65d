"""No text that somebody typed begins a header of its own, nor a second recipient: shown on what SMTP was given."""

from collections.abc import Mapping
from typing import Any

import pytest
from django.utils.functional import Promise
from pytest_django import Settings

from keystone.mail.models import MailState
from keystone.mail.outgoing import Mail
from keystone.mail.registry import EMAILS
from tests.mail.sending import deliver, only, queued, send
from tests.mail.smtp_server import SmtpServer

HEADERS = [
    "Auto-Submitted",
    "Content-Type",
    "Date",
    "From",
    "MIME-Version",
    "Message-ID",
    "Subject",
    "To",
]
INJECTIONS = [
    "Ada\r\nBcc: eve@example.com",
    "Ada\nBcc: eve@example.com",
    "Ada\rBcc: eve@example.com",
    "Ada\r\n\r\nA body of my own",
    "Ada\x00\x0b\x0c\x1c\x85Bcc: eve@example.com",
    "Ada\u2028Bcc: eve@example.com\u2029",
    "=?utf-8?q?Ada=0D=0ABcc:_eve@example.com?=",
    "Ada" + " " * 2_000 + "Bcc: eve@example.com",
]


def with_text(value: Any, text: str) -> Any:
    """What a template shows, with `text` wherever it has one."""
    if isinstance(value, Mapping):
        return {key: with_text(part, text) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [with_text(part, text) for part in value]
    return text if isinstance(value, str | Promise) else value


def assert_untouched(smtp: SmtpServer) -> None:
    """One mail, to one person, with the headers that it has always."""
    [message] = smtp.messages
    assert sorted(message.keys()) == HEADERS
    assert message["To"] == "ada@example.com"
    assert message["Bcc"] is None
    assert "A body of my own" not in message["Subject"] or "\n" not in message["Subject"]
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]


def send_with(smtp: SmtpServer, name: str, text: str) -> None:
    smtp.messages.clear()
    send(Mail(name, "ada@example.com", {"name": text, **with_text(EMAILS[name].sample, text)}))
    assert_untouched(smtp)


def test_names_and_reasons_stay_in_the_body(smtp: SmtpServer, subtests: pytest.Subtests) -> None:
    for name in sorted(EMAILS):
        with subtests.test(name=name):
            send_with(smtp, name, INJECTIONS[0])
    for text in INJECTIONS[1:]:
        with subtests.test(text=text):
            send_with(smtp, "rejected", text)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(EMAILS))
def test_whatever_was_typed_stays_in_the_body(smtp: SmtpServer, subtests: pytest.Subtests, name: str) -> None:
    for text in INJECTIONS:
        with subtests.test(text=text):
            send_with(smtp, name, text)


def test_the_name_of_the_project_stays_one_line_of_the_subject(
    smtp: SmtpServer, settings: Settings, subtests: pytest.Subtests
) -> None:
    for text in INJECTIONS:
        settings.KEYSTONE = {"PROJECT_NAME": text}
        smtp.messages.clear()
        with subtests.test(text=text):
            send(Mail("approved", "ada@example.com", {"name": "Ada", "link": "https://a.example/"}))
            assert_untouched(smtp)
            assert smtp.messages[0]["Subject"].startswith("Welcome to ")


@pytest.mark.django_db
@pytest.mark.usefixtures("probe")
@pytest.mark.parametrize(
    "address",
    [
        "ada@example.com\r\nBcc: eve@example.com",
        "ada@example.com\nBcc: eve@example.com",
        "ada@example.com\r\nRCPT TO:<eve@example.com>",
        "ada@example.com>\r\nDATA",
        "ada\r\nBcc: eve@example.com\r\n@example.com",
        "ada@example.com, eve@example.com",
        "ada@example.com,eve@example.com",
    ],
)
def test_an_address_with_a_line_break_or_another_one_gets_no_mail(smtp: SmtpServer, address: str) -> None:
    wrong, right = queued(address, "ada@example.com")
    assert deliver([wrong, right]) == 1
    assert_untouched(smtp)
    assert only(right).state == MailState.SENT
    assert (only(wrong).state, only(wrong).last_error) == (
        MailState.FAILED,
        "Mail cannot be sent to this address.",
    )
