"""Queue mails: save them as rows in the caller's transaction."""

import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr
from functools import cache
from itertools import batched
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils.encoding import punycode

from keystone.mail import registry
from keystone.mail.models import OutgoingMail
from keystone.mail.tasks import wake_up
from keystone.observability.logs.masking import without_tokens
from keystone.observability.origin import current_origin

ROWS_PER_STATEMENT = 1_000

# Names of secrets, which must not be stored in a row. Names such as "reset_link_for" are fine.
_SECRET_NAMES = re.compile(r"(^|_)(token|password|secret|link|url)$")
_NOT_JSON = re.compile("[\x00\ud800-\udfff]")  # what PostgreSQL's jsonb cannot hold


@dataclass(frozen=True, kw_only=True)
class Addressee:
    """A recipient of a mail.

    Attributes:
        recipient: the email address, unless the mail's function chooses another one.
        user_id: the primary key of the account that the mail is about.
        language: the language's code; empty for LANGUAGE_CODE.
        key: the idempotency key: of two mails with the same key, only the first is saved; empty for none.
    """

    recipient: str
    user_id: Any = None
    language: str = ""
    key: str = ""


def queue(
    name: str,
    addressees: Iterable[Addressee],
    *,
    context: Mapping[str, str | int | float] | None = None,
    at: datetime | None = None,
) -> list[int]:
    """Save a mail for each addressee, and wake up a worker once the caller's transaction is committed.

    A rollback discards the mails. It takes a few SQL statements per thousand mails.

    Args:
        name: the name that the mail, or its chooser, is registered under.
        addressees: any number of addressees.
        context: the keyword arguments for the mail's function; never a token or a link with one.
        at: (UTC) the earliest time to send the mails; None for now.

    Returns:
        The primary keys of the saved mails, without those whose idempotency key existed already.

    Raises:
        UnknownEmail: no mail is registered as `name`.
        ValueError: a key of `context` names a secret, a value is neither a string nor a number, or the mail is about a
            person and an addressee has no `user_id`.
    """
    needs_person = name not in registry.CHOOSERS and registry.get(name).needs_person
    kept = _storable(context or {})
    written: list[int] = []
    with transaction.atomic(savepoint=False):
        for some in batched(addressees, ROWS_PER_STATEMENT):
            written += _write([_row(name, addressee, kept, at, needs_person=needs_person) for addressee in some])
        if written:
            wake_up(at=at)
    return written


def new_message_id() -> str:
    """Return a new Message-ID with the sender's domain. Looking up this machine's name is slow and would publish it."""
    return f"<{uuid.uuid4()}@{_domain_of(settings.DEFAULT_FROM_EMAIL)}>"


@cache
def _domain_of(sender: str) -> str:
    return punycode(parseaddr(sender)[1].rpartition("@")[2]) or "localhost"


def _write(rows: list[OutgoingMail]) -> list[int]:
    """Save the rows, except those whose idempotency key exists already. Return the primary keys of the saved rows."""
    if not any(row.idempotency_key for row in rows):
        return [row.pk for row in OutgoingMail.objects.bulk_create(rows)]
    OutgoingMail.objects.bulk_create(rows, ignore_conflicts=True)
    ids = [row.message_id for row in rows]
    return list(OutgoingMail.objects.filter(message_id__in=ids).order_by("pk").values_list("pk", flat=True))


def _row(
    name: str,
    addressee: Addressee,
    context: dict[str, str | int | float],
    at: datetime | None,
    *,
    needs_person: bool,
) -> OutgoingMail:
    if needs_person and addressee.user_id is None:
        raise ValueError(f"The mail {name!r} is about a person: queue it with their key.")
    return OutgoingMail(
        template=name,
        recipient=addressee.recipient,
        user_id=addressee.user_id,
        language=addressee.language,
        context=context,
        idempotency_key=addressee.key or None,
        next_attempt_at=at or Now(),
        message_id=new_message_id(),
        request_id=current_origin().request_id,
    )


def _storable(context: Mapping[str, object]) -> dict[str, str | int | float]:
    """Return the context without characters that the database can't store and without tokens in typed links."""
    kept: dict[str, str | int | float] = {}
    for key, value in context.items():
        if _SECRET_NAMES.search(key):
            raise ValueError(f"{key!r} has no place in the outbox: make it where the mail is sent.")
        if isinstance(value, str):
            kept[key] = without_tokens(_NOT_JSON.sub("", value))
        elif isinstance(value, int | float):
            kept[key] = value
        else:
            raise ValueError(f"{key!r} is to be a text or a number, not a {type(value).__name__}.")  # noqa: TRY004 - as documented
    return kept
