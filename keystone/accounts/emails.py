"""The mails of the life cycle: one short function each. Tokens are minted here, while the mail is being sent."""

from collections.abc import Callable, Collection
from functools import partial
from itertools import batched
from typing import Any
from urllib.parse import quote

from django.db import transaction
from django.utils.dateparse import parse_datetime

from keystone.accounts.models import User
from keystone.accounts.tokens import Purpose, mint
from keystone.conf import options
from keystone.mail.outgoing import Mail

PEOPLE_PER_TASK = 500


def queue_email(name: str, user_ids: Collection[Any], **context: str) -> None:
    """Send the mail `name` to these people once the running transaction has been committed.

    Args:
        name: a key of `EMAILS`.
        context: what the mail says beside the person; never a token.
    """
    from keystone.accounts.tasks import send_account_emails

    for some in batched(user_ids, PEOPLE_PER_TASK):
        arguments: dict[str, Any] = {"name": name, "user_ids": [str(key) for key in some], "context": context}
        transaction.on_commit(partial(send_account_emails.enqueue, **arguments), robust=True)


def verify_email(user: User) -> Mail:
    """The link that proves an address."""
    token = mint(
        purpose=Purpose.VERIFY_EMAIL,
        user=user,
        email_normalized=user.email_normalized,
        lifetime=options().email_verification_lifetime,
    )
    hours = int(options().email_verification_lifetime.total_seconds() // 3600)
    return _mail("verify_email", user, link=link("verify-email", token), hours=hours)


def already_registered(user: User) -> Mail:
    """Somebody registered an address that has an account; only its owner learns of it."""
    return _mail("already_registered", user, link=f"{options().link_url}/")


def account_created(user: User) -> Mail:
    """An administrator made the account."""
    return _mail("account_created", user, link=f"{options().link_url}/")


def awaiting_approval(user: User) -> Mail:
    """The registration was received and waits for a decision."""
    return _mail("awaiting_approval", user)


def approved(user: User, *, reason: str = "") -> Mail:
    """The decision, with a word of the administrator's where there is one."""
    return _mail("approved", user, reason=reason, link=f"{options().link_url}/")


def rejected(user: User, *, reason: str = "") -> Mail:
    """The decision and its reason."""
    return _mail("rejected", user, reason=reason)


def suspended(user: User, *, reason: str = "", until: str = "") -> Mail:
    """The suspension, its reason and, where it has one, its end."""
    return _mail("suspended", user, reason=reason, until=parse_datetime(until) if until else None)


def reactivated(user: User, *, reason: str = "") -> Mail:
    """The account works again."""
    return _mail("reactivated", user, reason=reason, link=f"{options().link_url}/")


def deactivated(user: User, *, reason: str = "") -> Mail:
    """The account was closed."""
    return _mail("deactivated", user, reason=reason)


EMAILS: dict[str, Callable[..., Mail]] = {
    email.__name__: email
    for email in (
        verify_email,
        already_registered,
        account_created,
        awaiting_approval,
        approved,
        rejected,
        suspended,
        reactivated,
        deactivated,
    )
}


def link(page: str, token: str) -> str:
    """A link that carries a token, to the front end or to Keystone's own page; never built from a Host header."""
    return f"{options().link_url}/{page}/{quote(token)}/"


def _mail(template: str, user: User, **context: Any) -> Mail:
    return Mail(template=template, to=user.email, context={"name": user.get_short_name(), **context})
