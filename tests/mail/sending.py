"""Sending mails in tests, with and without the outbox."""

from collections.abc import Callable
from typing import Any

from keystone.mail import delivery, outbox
from keystone.mail.claims import claim_due
from keystone.mail.connection import MailConnection
from keystone.mail.models import MailState, OutgoingMail
from keystone.mail.outbox import Addressee
from keystone.mail.outgoing import Mail, message_of
from keystone.mail.registry import EMAILS, Email
from keystone.mail.rendering import Rendered, render

REASON = "a secret reason"


def send(*mails: Mail) -> None:
    """Send mails at once, past the outbox."""
    with MailConnection() as connection:
        for mail in mails:
            connection.open(10)
            connection.send(message_of(mail, message_id=outbox.new_message_id()), 10)


def register(name: str, build: Callable[..., Mail | None], **values: Any) -> None:
    """Register a mail that needs nobody; for the length of a test with the fixture `probe`."""
    EMAILS[name] = Email(name, name, {}, build, **{"needs_person": False, **values})


def rejection(user: object, *, reason: str = REASON) -> Mail:
    """A mail to whoever it was queued for."""
    return Mail("rejected", context={"name": "Ada", "reason": reason})


def queued(*addresses: str, name: str = "probe", **context: str) -> list[int]:
    """Queue a mail to each of these addresses."""
    return outbox.queue(name, [Addressee(recipient=address) for address in addresses], context=context)


def deliver(mail_ids: list[int]) -> int:
    """Deliver these mails as far as they are due, and give how many were sent."""
    sent = OutgoingMail.objects.filter(pk__in=mail_ids, state=MailState.SENT)
    before = sent.count()
    delivery.deliver(claim_due(only=mail_ids))
    return sent.count() - before


def rendered(mail: Mail | None) -> Rendered:
    """A mail as it would be sent; there must be one."""
    assert mail is not None
    return render(mail.template, mail.context)


def only(mail_id: int) -> OutgoingMail:
    """A row as it now is."""
    return OutgoingMail.objects.get(pk=mail_id)
