"""A mail to be sent, and the message made of it."""

from dataclasses import dataclass, field
from typing import Any

from keystone.conf import options
from keystone.email_address import as_mailed
from keystone.mail.headers import OutgoingMessage
from keystone.mail.rendering import render


@dataclass(frozen=True)
class Mail:
    """What a mail's function returns: it is rendered and sent at once.

    Attributes:
        template: of `keystone/emails/<template>.mjml`.
        to: the address; empty for the one that it was queued for.
        context: what the template shows.
        language: its code; empty for the one that it was queued in.
        unsubscribe_url: where a POST switches such mails off (RFC 8058); empty for mails that nobody can switch off.
    """

    template: str
    to: str = ""
    context: dict[str, Any] = field(default_factory=dict)
    language: str = ""
    unsubscribe_url: str = ""


def message_of(mail: Mail, *, message_id: str) -> OutgoingMessage:
    """The message of a mail, rendered, with its headers."""
    rendered = render(mail.template, mail.context, language=mail.language)
    message = OutgoingMessage(
        subject=rendered.subject,
        body=rendered.text,
        to=[as_mailed(mail.to)],
        reply_to=[options().support_email] if options().support_email else None,
        headers={
            "Message-ID": message_id,
            "Auto-Submitted": "auto-generated",  # RFC 3834: nobody's holiday notice answers
            **_unsubscribe_headers(mail.unsubscribe_url),
        },
    )
    message.attach_alternative(rendered.html, "text/html")
    return message


def _unsubscribe_headers(url: str) -> dict[str, str]:
    if not url:
        return {}
    return {"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
