"""Outgoing mail: what is to be sent, and sending it."""

import hashlib
import logging
import smtplib
from collections.abc import Iterable
from dataclasses import dataclass, field
from email.utils import make_msgid, parseaddr
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, mailers
from django.core.mail.backends.base import BaseEmailBackend
from django.template import TemplateDoesNotExist, TemplateSyntaxError
from django.utils.encoding import punycode

from keystone.mail.rendering import render

logger = logging.getLogger(__name__)

SERVICE_NOT_AVAILABLE = 421  # RFC 5321: the server closes the connection, often after so many mails


@dataclass(frozen=True)
class Mail:
    """A mail that is to be rendered and sent."""

    template: str
    to: str
    context: dict[str, Any] = field(default_factory=dict)
    language: str = ""


def send(mails: Iterable[Mail]) -> int:
    """Render and send each mail, one at a time, through one connection of the mailer "default".

    A mail that cannot be rendered, or that the server refuses, is logged without its text and its address, and the
    others go on. A connection that is lost on the way is opened once more.

    Args:
        mails: any number; a generator is read as the sending goes on.

    Returns:
        How many the mail server took.

    Raises:
        TemplateDoesNotExist, TemplateSyntaxError: a template is missing or wrong, for everybody.
        OSError: the mail server cannot be reached.
    """
    sent = 0
    with mailers["default"] as connection:
        for mail in mails:
            try:
                message = build(mail)
            except (TemplateDoesNotExist, TemplateSyntaxError):
                raise
            except Exception as error:  # noqa: BLE001 - one person's odd data must not keep the others' mails back
                _log(mail, "could not be rendered", error)
                continue
            sent += _deliver(connection, mail, message)
    return sent


def build(mail: Mail) -> EmailMultiAlternatives:
    """The message of a mail, with its headers."""
    rendered = render(mail.template, mail.context, language=mail.language)
    message = EmailMultiAlternatives(
        subject=rendered.subject,
        body=rendered.text,
        to=[mail.to],
        headers={
            # Named after the sender: asking for this machine's name is slow, and tells it to everybody.
            "Message-ID": make_msgid(domain=_sender_domain()),
            "Auto-Submitted": "auto-generated",  # RFC 3834: nobody's holiday notice answers
        },
    )
    message.attach_alternative(rendered.html, "text/html")
    return message


def _deliver(connection: BaseEmailBackend, mail: Mail, message: EmailMultiAlternatives) -> int:
    for attempt in (1, 2):
        try:
            return connection.send_messages([message]) or 0
        except (OSError, ValueError) as error:  # smtplib's errors are OSErrors; a wrong address is a ValueError
            lost = _is_connection_lost(error)
            if lost:
                connection.close()
                connection.open()  # raises when the server is gone: then no other mail can be sent either
            if not lost or attempt == 2:
                _log(mail, "was refused", error)
                return 0
    return 0


def _is_connection_lost(error: Exception) -> bool:
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return True
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return any(code == SERVICE_NOT_AVAILABLE for code, _ in error.recipients.values())
    if isinstance(error, smtplib.SMTPResponseException):
        return error.smtp_code == SERVICE_NOT_AVAILABLE
    return isinstance(error, OSError) and not isinstance(error, smtplib.SMTPException)


def _log(mail: Mail, what: str, error: Exception) -> None:
    # Neither the address nor the error's own text: that may quote the address, and the mail with its link.
    digest = hashlib.sha256(mail.to.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    logger.error("Mail %s to %s %s: %s", mail.template, digest, what, type(error).__name__)


def _sender_domain() -> str:
    return punycode(parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]) or "localhost"
