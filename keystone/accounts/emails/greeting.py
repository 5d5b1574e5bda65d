"""Whom a mail goes to, and by what name it greets them."""

from typing import Any

from django.utils.dateparse import parse_datetime

from keystone.accounts.models import User
from keystone.mail.outgoing import Mail


def mail_to(template: str, user: User, *, to: str = "", **context: Any) -> Mail:
    """A mail to the account's address, or to another one.

    It greets by name only at an address that is the account's and proved: anywhere else the name is what a stranger
    typed, and would be their message to somebody else in a mail of ours.
    """
    to = to or user.email
    is_own = user.email_verified_at is not None and to == user.email
    return Mail(template=template, to=to, context={"name": user.get_short_name() if is_own else "", **context})


def mail_as_decided(template: str, user: User, at: str, **context: Any) -> Mail | None:
    """A mail that says where the account stands since `at` (UTC); None where it stands elsewhere by now."""
    is_still_so = not at or parse_datetime(at) == user.status_changed_at
    return mail_to(template, user, **context) if is_still_so else None
