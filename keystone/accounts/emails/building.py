"""The recipient of an email and the name in its greeting."""

from dataclasses import replace
from typing import Any

from django.utils.dateparse import parse_datetime

from keystone.accounts.emails.links import first_password_link, sign_in_page, works_for
from keystone.accounts.models import User
from keystone.conf import options
from keystone.mail.outgoing import Mail


def mail_to(template: str, user: User, *, to: str = "", **context: Any) -> Mail:
    """Return an email to the account's address, or to another one.

    It greets by name only at the account's own, verified email address. Anywhere else, the name is what a stranger
    typed, and would be their message to somebody else in an email of ours.
    """
    to = to or user.email
    is_own = user.email_verified_at is not None and to == user.email
    return Mail(template=template, to=to, context={"name": user.get_short_name() if is_own else "", **context})


def with_a_way_in(mail: Mail, user: User) -> Mail:
    """Return the email with a `link` to sign in, or to choose a password first.

    If there is no page to sign in on, there is no link.
    """
    password_link = first_password_link(user)
    lifetime = works_for(options().email_verification_lifetime) if password_link else {}
    way: dict[str, Any] = {"chooses": bool(password_link), "link": password_link or sign_in_page(user), **lifetime}
    return replace(mail, context={**mail.context, **way})


def mail_as_decided(template: str, user: User, at: str, **context: Any) -> Mail | None:
    """Return an email about the status since `at` (UTC), or None if the status has changed since then."""
    is_still_so = not at or parse_datetime(at) == user.status_changed_at
    return mail_to(template, user, **context) if is_still_so else None
