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
    """Write the mail `name` to each of these people into the outbox, in the caller's transaction.

    News of what was done with an account goes to an unproved address no more often than other mails that strangers
    cause: whoever registered the address can do those things as often as they like.

    Args:
        name: that the mail is registered by.
        key: what the mail is the only one of, such as the moment of the decision that causes it: a second one to the
            same person with the same key is not written. Empty for none.
        to: the address, where it is not the account's.
        context: what the mail says beside the person; never a token. An empty text is left out.

    Returns:
        How many were written.

    Raises:
        UnknownEmail: no mail is registered by `name`.
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
    """As `queue_email`, but the mail is not sent before `at` (UTC)."""
    said = {word: value for word, value in context.items() if value != ""}
    addressees = _addressees(user_ids, f"{name}:{key}" if key else "", to=to, is_news=registry.get(name).is_news)
    return len(outbox.queue(name, addressees, context=said, at=at))


def queue_registration_email(address: str, *, otherwise: str = "") -> None:
    """Write the mail to whoever registered this address, or asks for another link, into the outbox.

    Nothing is looked up: whether anybody has the address, and which mail it gets, is decided when the mail is sent
    (see `emails.registration`).

    Args:
        address: a valid one, in any spelling.
        otherwise: the mail to a person who has nothing to verify; empty for none.
    """
    recipient = email_address.normalize(address)
    outbox.queue("registration", [Addressee(recipient=recipient)], context={"otherwise": otherwise})


def queue_password_email(name: str, user: User, **context: str) -> None:
    """As `queue_email`, for "reset_password" and "choose_password": the right to their link is reserved at once.

    Call it with the row locked, after whatever ends other links.
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
