"""No text that somebody typed begins a header of its own, nor a second recipient: shown on what SMTP was given."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from pytest_django import Settings

from keystone.mail.outgoing import Mail, send
from keystone.tests.mail.smtp_server import SmtpServer

TEMPLATES = sorted(
    path.stem
    for path in Path(apps.get_app_config("keystone").path, "templates/keystone/emails").glob("*.mjml")
    if path.stem != "layout"
)
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


@pytest.fixture
def smtp(settings: Settings) -> Iterator[SmtpServer]:
    with SmtpServer.running() as server:
        settings.MAILERS = server.mailers
        yield server


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


@pytest.mark.parametrize("text", INJECTIONS)
@pytest.mark.parametrize("template", TEMPLATES)
def test_names_and_reasons_stay_in_the_body(smtp: SmtpServer, template: str, text: str) -> None:
    texts = dict.fromkeys(("name", "reason", "email", "new_email", "link", "reset_link", "device", "ip_address"), text)
    numbers = dict.fromkeys(("minutes", "hours", "days", "left"), 3)
    assert send([Mail(template, "ada@example.com", {**texts, **numbers})]) == 1
    assert_untouched(smtp)


@pytest.mark.parametrize("text", INJECTIONS)
def test_the_name_of_the_project_stays_one_line_of_the_subject(smtp: SmtpServer, settings: Settings, text: str) -> None:
    settings.KEYSTONE = {"PROJECT_NAME": text}
    assert send([Mail("approved", "ada@example.com", {"name": "Ada", "link": "https://a.example/"})]) == 1
    assert_untouched(smtp)
    assert smtp.messages[0]["Subject"].startswith("Welcome to ")


@pytest.mark.parametrize(
    "address",
    [
        "ada@example.com\r\nBcc: eve@example.com",
        "ada@example.com\nBcc: eve@example.com",
        "ada@example.com\r\nRCPT TO:<eve@example.com>",
        "ada@example.com>\r\nDATA",
        "ada\r\nBcc: eve@example.com\r\n@example.com",
    ],
)
def test_an_address_with_a_line_break_gets_no_mail(smtp: SmtpServer, address: str) -> None:
    assert send([Mail("approved", address, {"name": "Ada"}), Mail("rejected", "ada@example.com", {"name": "Ada"})]) == 1
    assert_untouched(smtp)


@pytest.mark.parametrize("address", ["ada@example.com, eve@example.com", "ada@example.com,eve@example.com"])
def test_an_address_is_one_address(smtp: SmtpServer, address: str) -> None:
    send([Mail("approved", address, {"name": "Ada"})])
    assert smtp.messages == []
