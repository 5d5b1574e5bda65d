"""A mail to send, and the message built from it."""

from dataclasses import dataclass, field
from typing import Any

from keystone.conf import options
from keystone.email_address import as_mailed
from keystone.mail.headers import OutgoingMessage
from keystone.mail.rendering import render


@dataclass(frozen=True)
class Mail:
    """The return value of a mail's function. It is rendered and sent at once.

    Attributes:
        template: the name in `keystone/emails/<template>.mjml`.
        to: the recipient's email address; empty for the one that the mail was queued for.
        context: the template's context.
        language: the language's code; empty for the one that the mail was queued in.
        unsubscribe_url: the URL that unsubscribes by POST (RFC 8058); empty for mails that can't be unsubscribed from.
    """

    template: str
    to: str = ""
    context: dict[str, Any] = field(default_factory=dict)
    language: str = ""
    unsubscribe_url: str = ""


def message_of(mail: Mail, *, message_id: str) -> OutgoingMessage:
    """Return the rendered message of a mail, with its headers."""
    rendered = render(mail.template, mail.context, language=mail.language)
    message = OutgoingMessage(
        subject=rendered.subject,
        body=rendered.text,
        to=[as_mailed(mail.to)],
        reply_to=[options().support_email] if options().support_email else None,
        headers={
            "Message-ID": message_id,
            "Auto-Submitted": "auto-generated",  # RFC 3834: prevents out-of-office replies
            **_unsubscribe_headers(mail.unsubscribe_url),
        },
    )
    message.attach_alternative(rendered.html, "text/html")
    return message


def _unsubscribe_headers(url: str) -> dict[str, str]:
    if not url:
        return {}
    return {"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
