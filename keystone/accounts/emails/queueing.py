"""Queue emails to users, by primary key."""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from itertools import batched
from typing import Any

from keystone import email_address
from keystone.accounts import tokens
from keystone.accounts.emails.links import password_link_lifetime
from keystone.accounts.models import User
from keystone.accounts.tokens import Purpose
from keystone.mail import outbox, registry
from keystone.mail.outbox import Addressee
from keystone.throttling.mails import count_unasked_mail

PEOPLE_PER_STATEMENT = 1_000


def queue_email(name: str, user_ids: Collection[Any], *, key: str = "", to: str = "", **context: str) -> int:
    """Queue the email `name` to each of these people, in the caller's transaction.

    Notices of what was done with an account go to an unverified email address no more often than other unsolicited
    mail: whoever registered the address can cause them as often as they like.

    Args:
        name: the name that the email is registered by.
        key: what the email is unique for, such as the time of the decision that causes it: a second one to the same
            person with the same key is not queued. Empty for none.
        to: the email address, if it is not the account's.
        context: what the email says besides the person; never a token. Empty values are left out.

    Returns:
        The number of queued emails.

    Raises:
        UnknownEmail: no email is registered by `name`.
    """
    return queue_email_at(None, name, user_ids, key=key, to=to, context=context)


def queue_email_at(
    at: datetime | None,
    name: str,
    user_ids: Collection[Any],
    *,
    key: str = "",
    to: str = "",
    context: Mapping[str, str],
) -> int:
    """Queue emails like `queue_email`, but not to be sent before `at` (UTC)."""
    said = {word: value for word, value in context.items() if value != ""}
    addressees = _addressees(user_ids, f"{name}:{key}" if key else "", to=to, is_news=registry.get(name).is_news)
    return len(outbox.queue(name, addressees, context=said, at=at))


def queue_registration_email(address: str, *, otherwise: str = "") -> None:
    """Queue the email to whoever registered this email address or requested another link.

    Nothing is looked up. Whether an account has the address, and which email it gets, is decided when the email is sent
    (see `emails.registration`).

    Args:
        address: a valid email address, in any spelling.
        otherwise: the email to a person who has nothing to verify; empty for none.
    """
    recipient = email_address.normalize(address)
    outbox.queue("registration", [Addressee(recipient=recipient)], context={"otherwise": otherwise})


def queue_password_email(name: str, user: User, **context: str) -> None:
    """Queue "reset_password" or "choose_password", and reserve the right to the link at once.

    Call it with the row locked, after anything that ends other links.
    """
    lifetime = password_link_lifetime(name)
    right = tokens.reserve(purpose=Purpose.RESET_PASSWORD, user=user, email=user.email, lifetime=lifetime)
    queue_email(name, [user.pk], key=str(right.pk), reserved=str(right.pk), **context)


def _addressees(user_ids: Collection[Any], key: str, *, to: str, is_news: bool) -> Iterator[Addressee]:
    for some in batched(user_ids, PEOPLE_PER_STATEMENT):
        people = User.objects.filter(pk__in=some).order_by("pk").values_list("pk", "email", "email_verified_at")
        for pk, address, verified_at in people:
            if not is_news or verified_at is not None or count_unasked_mail(address):
                yield Addressee(recipient=to or address, user_id=pk, key=f"{key}:{pk}" if key else "")
