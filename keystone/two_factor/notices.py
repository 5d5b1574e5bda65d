"""Mails about changes to the second factor and uses of recovery codes."""

from typing import Any

from django.utils import timezone

from keystone.accounts.emails import queue_email
from keystone.accounts.models import User
from keystone.actors.actor import Actor, ActorKind
from keystone.observability.origin import current_origin


def queue_notice(name: str, user: User, *, by: Actor, **context: str) -> None:
    """Notify the user of a change by mail. The mail is queued in the running transaction.

    The mail contains the IP address only if the users themselves made the change: that of an administrator is private.

    Args:
        name: the name under which the mail is registered.
        by: the actor who made the change.
        context: additional context of the mail.
    """
    own = by.kind is ActorKind.PERSON
    at = timezone.now().isoformat()
    around: dict[str, Any] = {"at": at, "own": "yes" if own else ""}
    around["ip_address"] = (current_origin().ip_address or "") if own else ""
    queue_email(name, [user.pk], key=at, **around, **context)
