"""Mails about changes to the second factor and uses of recovery codes."""

from typing import Any

from django.utils import timezone

from keystone.accounts.emails import queue_email
from keystone.accounts.models import User
from keystone.actors.actor import Actor, ActorKind
from keystone.observability.origin import current_origin


def tell(name: str, user: User, *, by: Actor, **context: str) -> None:
    """Mail what was done: the mail is queued in the running transaction.

    The IP address is told only where the person did it: an administrator's is their own business.

    Args:
        name: that the mail is registered by.
        by: who did it.
        context: what the mail says beside that.
    """
    own = by.kind is ActorKind.PERSON
    at = timezone.now().isoformat()
    around: dict[str, Any] = {"at": at, "own": "yes" if own else ""}
    around["ip_address"] = (current_origin().ip_address or "") if own else ""
    queue_email(name, [user.pk], key=at, **around, **context)
