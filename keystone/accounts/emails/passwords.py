"""Emails about passwords, and about sign-ins that look stolen."""

from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from keystone.accounts.emails.building import mail_to
from keystone.accounts.emails.links import link, mint_reserved, page, password_link_lifetime, works_for
from keystone.accounts.emails.samples import AT, IP_ADDRESS, NAME, RESET_LINK
from keystone.accounts.models import User
from keystone.mail.outgoing import Mail
from keystone.mail.registry import email
from keystone.text.devices import device_name


@email(label=_("Link to set a new password"), sample={**NAME, "link": RESET_LINK, "minutes": 30})
def reset_password(user: User, *, reserved: str) -> Mail | None:
    """Return the email with the link to set a new password, or None if the right to it has ended.

    Args:
        reserved: the primary key of the reserved token (see `queue_password_email`).
    """
    return _password_link("reset_password", user, reserved)


@email(label=_("Link to choose a password"), sample={**NAME, "link": RESET_LINK, "days": 3, "after": "registration"})
def choose_password(user: User, *, reserved: str, after: str = "registration") -> Mail | None:
    """Return the email with the link to set a password that is certainly the owner's.

    Args:
        reserved: the primary key of the reserved token (see `queue_password_email`).
        after: why there is no password: "registration" if the email address was registered more than once, "revert" if
            a change of email address was reverted.

    Returns:
        None if the right to the link has ended.
    """
    return _password_link("choose_password", user, reserved, after=after)


@email(
    label=_("Password changed"),
    sample={**NAME, "at": AT, "ip_address": IP_ADDRESS, "link": RESET_LINK},
    is_news=True,
)
def password_changed(user: User, *, at: str, ip_address: str = "") -> Mail:
    """Return the notice that the password was changed, in case the owner didn't do it."""
    return mail_to("password_changed", user, at=parse_datetime(at), ip_address=ip_address, link=page("reset-password"))


@email(
    label=_("Session revoked: possible theft"),
    sample={**NAME, "at": AT, "device": "Firefox on Linux", "ip_address": IP_ADDRESS, "link": RESET_LINK},
    is_news=True,
)
def session_stolen(user: User, *, at: str, device: str = "", ip_address: str = "") -> Mail:
    """Return the notice that a session was ended because its token was used twice, which looks like theft."""
    context: dict[str, Any] = {"at": parse_datetime(at), "device": device_name(device), "ip_address": ip_address}
    return mail_to("session_stolen", user, link=page("reset-password"), **context)


def _password_link(name: str, user: User, reserved: str, **context: Any) -> Mail | None:
    lifetime = password_link_lifetime(name)
    right, token = mint_reserved(user, reserved, lifetime)
    if right is None:
        return None
    return mail_to(name, user, to=right.email, link=link("reset-password", token), **context, **works_for(lifetime))
