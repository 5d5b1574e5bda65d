"""Rows of the outbox as the tests of the admin want them, who looks at them, and what is in a list."""

from typing import Any

from django.test import Client
from django.utils import timezone

from keystone.mail.models import MailState, OutgoingMail
from keystone.mail.outbox import new_message_id
from keystone.testing.factories import approver
from tests.approval.admin_pages import browser


def outgoing(state: MailState = MailState.FAILED, **fields: Any) -> OutgoingMail:
    """A mail in a state, with what the constraints want of it."""
    sent_at = timezone.now() if state == MailState.SENT else None
    default: dict[str, Any] = {
        "template": "rejected",
        "recipient": "ann@example.com",
        "message_id": new_message_id(),
        "sent_at": sent_at,
        "attempts": 3,
    }
    return OutgoingMail.objects.create(state=state, **{**default, **fields})


def viewer(*more: str) -> Client:
    """A browser of somebody who may look at mails, and has the permissions `more`."""
    return browser(approver("view_outgoingmail", *more, email="viewer@example.com"))


def listed(response: Any) -> list[int]:
    """The keys of the rows in a list, in order."""
    return [row.pk for row in response.context["cl"].result_list]
