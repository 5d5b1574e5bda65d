"""Emails about a change of the email address."""

from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from keystone.accounts.emails.building import mail_to
from keystone.accounts.emails.links import link, mint_reserved, works_for
from keystone.accounts.emails.samples import AT, LINK, NAME
from keystone.accounts.models import User
from keystone.conf import options
from keystone.mail.outgoing import Mail
from keystone.mail.registry import email


@email(label=_("Confirm a new email address"), sample={"link": LINK, "days": 3}, goes_elsewhere=True)
def confirm_email(user: User, *, reserved: str) -> Mail | None:
    """Return the email to a new address, with the link that confirms it.

    Args:
        reserved: the primary key of the reserved token (see `tokens.reserve`).

    Returns:
        None if the right has ended in the meantime, or if another account has the email address now.
    """
    lifetime = options().email_verification_lifetime
    right, token = mint_reserved(user, reserved, lifetime)
    if right is None:
        return None
    owner = User.objects.with_email(right.email).exclude(pk=user.pk).first()
    if owner is not None and not owner.is_unclaimed:
        return None
    return mail_to("confirm_email", user, to=right.email, link=link("confirm-email", token), **works_for(lifetime))


@email(label=_("Email address requested by another account"), sample=NAME)
def address_in_use(user: User) -> Mail:
    """Return the notice that somebody wants this account's email address for another one. Only the owner learns it."""
    return mail_to("address_in_use", user)


@email(
    label=_("Email address changed (to the previous address)"),
    sample={"link": LINK, "days": 7, "new_email": "new@example.com", "at": AT},
)
def email_changed(user: User, *, reserved: str, old_email: str, new_email: str, at: str) -> Mail:
    """Return the notice to the old email address, with a link that reverts the change if that is still possible."""
    lifetime = options().email_revert_lifetime
    right, token = mint_reserved(user, reserved, lifetime)
    context: dict[str, Any] = {"new_email": new_email, "at": parse_datetime(at), **works_for(lifetime)}
    return mail_to("email_changed", user, to=old_email, link=link("revert-email", token) if right else "", **context)


@email(label=_("Change of email address reverted"), sample={"new_email": "ada@example.com", "at": AT})
def email_reverted(user: User, *, old_email: str, new_email: str, at: str) -> Mail:
    """Return the notice to the email address that the account had until the change was reverted."""
    return mail_to("email_reverted", user, to=old_email, new_email=new_email, at=parse_datetime(at))
