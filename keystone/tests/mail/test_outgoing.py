"""Sending: through a real SMTP conversation."""

import hashlib
import logging
from collections.abc import Iterator

import pytest
from django.core import mail as django_mail
from django.core.mail import EmailMultiAlternatives
from pytest_django import Settings

from keystone.mail.outgoing import Mail, send
from keystone.tests.mail.smtp_server import SmtpServer


@pytest.fixture
def smtp(settings: Settings) -> Iterator[SmtpServer]:
    with SmtpServer.running() as server:
        settings.MAILERS = server.mailers
        yield server


def rejections(*addresses: str) -> Iterator[Mail]:
    return (Mail("rejected", address, {"name": "Ada", "reason": "a secret reason"}) for address in addresses)


def addressees(server: SmtpServer) -> list[str]:
    return [str(message["To"]) for message in server.messages]


def test_send_puts_mails_out_with_both_parts_and_its_headers(settings: Settings) -> None:
    settings.DEFAULT_FROM_EMAIL = "Acme <no-reply@bücher.example>"
    assert send([Mail("approved", "ada@example.com", {"name": "Ada", "link": "https://a.example/"})]) == 1
    (sent,) = django_mail.outbox
    assert isinstance(sent, EmailMultiAlternatives)
    assert (sent.subject, sent.to) == ("Welcome to Keystone", ["ada@example.com"])
    assert sent.body.startswith("Hello Ada,")
    assert [mimetype for _, mimetype in sent.alternatives] == ["text/html"]
    message = sent.message()
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"].endswith("@xn--bcher-kva.example>")


def test_send_goes_on_after_a_refused_and_a_malformed_address(
    smtp: SmtpServer, caplog: pytest.LogCaptureFixture
) -> None:
    smtp.refused = {"b@example.com"}
    sent = send(rejections("a@example.com", "b@example.com", "c@example.com\nBcc: x@example.com", "d@example.com"))
    assert sent == 2
    assert addressees(smtp) == ["a@example.com", "d@example.com"]
    assert smtp.connections == 1
    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.ERROR]
    digest = hashlib.sha256(b"b@example.com").hexdigest()[:12]
    assert caplog.messages[0] == f"Mail rejected to {digest} was refused: SMTPRecipientsRefused"
    for kept_out in ("example.com", "secret", "Ada"):
        assert kept_out not in caplog.text


def test_send_goes_on_after_a_mail_that_cannot_be_rendered(smtp: SmtpServer, caplog: pytest.LogCaptureFixture) -> None:
    assert send([Mail("suspended", "a@example.com", {"until": _Unprintable()}), *rejections("b@example.com")]) == 1
    assert addressees(smtp) == ["b@example.com"]
    assert "could not be rendered: ArithmeticError" in caplog.text
    assert "secret" not in caplog.text


def test_send_opens_a_lost_connection_again_and_loses_no_mail(smtp: SmtpServer) -> None:
    smtp.closes_after = 2
    addresses = [f"p{number}@example.com" for number in range(7)]
    assert send(rejections(*addresses)) == 7
    assert addressees(smtp) == addresses
    assert smtp.connections == 4
    assert len({message["Message-ID"] for message in smtp.messages}) == 7


def test_send_raises_when_the_server_cannot_be_reached(settings: Settings) -> None:
    with SmtpServer.running() as server:
        settings.MAILERS = server.mailers
    with pytest.raises(ConnectionRefusedError):
        send(rejections("a@example.com"))


def test_send_reads_a_generator_as_it_goes(smtp: SmtpServer) -> None:
    ahead = []

    def mails() -> Iterator[Mail]:
        for number, mail in enumerate(rejections(*[f"p{number}@example.com" for number in range(20)])):
            ahead.append(number - len(smtp.messages))
            yield mail

    assert send(mails()) == 20
    assert max(ahead) == 0


class _Unprintable:
    def __bool__(self) -> bool:
        raise ArithmeticError("secret")
