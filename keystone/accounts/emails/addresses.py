"""Emails about a change of the email address."""

from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from keystone.accounts.emails.greeting import mail_to
from keystone.accounts.emails.links import link, mint_reserved, works_for
from keystone.accounts.emails.samples import AT, LINK, NAME
from keystone.accounts.models import User
from keystone.conf import options
from keystone.mail.outgoing import Mail
from keystone.mail.registry import email


@email(label=_("New email address to be confirmed"), sample={"link": LINK, "days": 3}, goes_elsewhere=True)
def confirm_email(user: User, *, reserved: str) -> Mail | None:
    """To a new address: the link that makes it the account's.

    Args:
        reserved: the key of the right to it (see `tokens.reserve`).

    Returns:
        None where the right has ended in the meantime, or where another account has the address by now.
    """
    lifetime = options().email_verification_lifetime
    right, token = mint_reserved(user, reserved, lifetime)
    if right is None:
        return None
    owner = User.objects.with_email(right.email).exclude(pk=user.pk).first()
    if owner is not None and not owner.is_unclaimed:
        return None
    return mail_to("confirm_email", user, to=right.email, link=link("confirm-email", token), **works_for(lifetime))


@email(label=_("Email address wanted for another account"), sample=NAME)
def address_in_use(user: User) -> Mail:
    """Somebody wants the address of this account for another one; only its owner learns of it."""
    return mail_to("address_in_use", user)


@email(
    label=_("Email address changed, to the old one"),
    sample={"link": LINK, "days": 7, "new_email": "new@example.com", "at": AT},
)
def email_changed(user: User, *, reserved: str, old_email: str, new_email: str, at: str) -> Mail:
    """To the old address: the account has another one now, and a link that takes this back, if it still can be."""
    lifetime = options().email_revert_lifetime
    right, token = mint_reserved(user, reserved, lifetime)
    context: dict[str, Any] = {"new_email": new_email, "at": parse_datetime(at), **works_for(lifetime)}
    return mail_to("email_changed", user, to=old_email, link=link("revert-email", token) if right else "", **context)


@email(label=_("Change of the email address taken back"), sample={"new_email": "ada@example.com", "at": AT})
def email_reverted(user: User, *, old_email: str, new_email: str, at: str) -> Mail:
    """To the address that an account had until a change was taken back: news for whoever did not do it."""
    return mail_to("email_reverted", user, to=old_email, new_email=new_email, at=parse_datetime(at))
