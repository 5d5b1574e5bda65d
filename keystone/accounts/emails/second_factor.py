"""Emails about the second factor."""

from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from keystone.accounts.emails.building import mail_to
from keystone.accounts.emails.links import page
from keystone.accounts.emails.samples import AT, IP_ADDRESS, LINK, NAME, RESET_LINK
from keystone.accounts.models import User
from keystone.mail.outgoing import Mail
from keystone.mail.registry import email

DONE = {**NAME, "at": AT, "ip_address": IP_ADDRESS, "own": "yes", "link": LINK}


@email(label=_("Two-factor sign-in set up"), sample=DONE, is_news=True)
def second_factor_set_up(user: User, *, at: str = "", ip_address: str = "", own: str = "") -> Mail:
    """Return the notice that signing in now asks for a code, in case the owner didn't set it up."""
    return _second_factor("second_factor_set_up", user, at=at, ip_address=ip_address, own=own)


@email(label=_("Two-factor sign-in removed"), sample=DONE, is_news=True)
def second_factor_removed(user: User, *, at: str = "", ip_address: str = "", own: str = "") -> Mail:
    """Return the notice that signing in no longer asks for a code."""
    return _second_factor("second_factor_removed", user, at=at, ip_address=ip_address, own=own)


@email(label=_("New recovery codes created"), sample=DONE, is_news=True)
def recovery_codes_made(user: User, *, at: str = "", ip_address: str = "", own: str = "") -> Mail:
    """Return the notice that the recovery codes were replaced."""
    return _second_factor("recovery_codes_made", user, at=at, ip_address=ip_address, own=own)


@email(label=_("Recovery code used"), sample={**DONE, "left": 7}, is_news=True)
def recovery_code_used(user: User, *, left: str, at: str = "", ip_address: str = "", own: str = "") -> Mail:
    """Return the notice that a recovery code was used to sign in or to confirm. `left` is how many still work."""
    return _second_factor("recovery_code_used", user, at=at, ip_address=ip_address, own=own, left=int(left))


@email(label=_("Wrong codes after a correct password"), sample={**DONE, "link": RESET_LINK}, is_news=True)
def wrong_codes(user: User, *, at: str = "", ip_address: str = "", own: str = "") -> Mail:
    """Return the notice that the right password was followed by several wrong codes."""
    return _second_factor("wrong_codes", user, at=at, ip_address=ip_address, own=own, link=page("reset-password"))


def _second_factor(template: str, user: User, *, at: str, ip_address: str, own: str, **context: Any) -> Mail:
    moment = parse_datetime(at) if at else None
    around: dict[str, Any] = {"at": moment, "ip_address": ip_address, "own": own}
    return mail_to(template, user, **(around | context))
