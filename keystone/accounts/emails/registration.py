"""Emails about registration and verification, and which of them an address gets."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from keystone.accounts.emails.building import mail_as_decided, mail_to, with_a_way_in
from keystone.accounts.emails.links import link, locked, page, sign_in_page, works_for
from keystone.accounts.emails.samples import AT, LINK, NAME, RESET_LINK
from keystone.accounts.models import User
from keystone.accounts.status import Status
from keystone.accounts.tokens import Purpose, mint
from keystone.conf import options
from keystone.mail.outgoing import Mail
from keystone.mail.registry import Choice, chooser, email
from keystone.throttling.mails import count_unasked_mail


@chooser(label=_("Registration"))
def registration(address: str, *, otherwise: str = "") -> Choice | None:
    """Choose the verification link if the account with this email address still needs it, else the email `otherwise`.

    None if no account has the address, or if it has had too many emails recently (see `throttling.mails`).

    Args:
        otherwise: the email to a person who has nothing to verify; empty for none.
    """
    user: User | None = User.objects.with_email(address).select_for_update(no_key=True).first()
    if user is None:
        return None
    name = "verify_email" if user.needs_verification else otherwise
    return Choice(name, user) if name and count_unasked_mail(user.email) else None


@email(label=_("Verify an email address"), sample={"link": LINK, "days": 3})
def verify_email(user: User) -> Mail | None:
    """Return the email with the verification link, or None if verification is no longer needed when it is sent."""
    lifetime = options().email_verification_lifetime
    with transaction.atomic():
        now = locked(user)  # a decision holds this lock too: it comes before or after the token
        if now is None or not now.needs_verification:
            return None
        token = mint(purpose=Purpose.VERIFY_EMAIL, user=now, email=now.email, lifetime=lifetime)
    return mail_to("verify_email", now, link=link("verify-email", token), **works_for(lifetime))


@email(
    label=_("Registration about to expire"),
    sample={"link": LINK, "days": 3, "registered_at": AT, "deleted_at": AT + timedelta(days=30)},
)
def registration_expires(user: User) -> Mail | None:
    """Return the warning that the registration will be deleted, with a new link. None if it is already verified."""
    if user.expiry_warned_at is None:
        return None
    mail = verify_email(user)
    if mail is None:
        return None
    limits = options()
    times = {
        "registered_at": user.created_at,
        "deleted_at": user.expiry_warned_at + limits.unverified_expire_after - limits.unverified_warned_after,
    }
    return replace(mail, template="registration_expires", context={**mail.context, **times})


@email(
    label=_("Registration with an existing email address"),
    sample={**NAME, "status": Status.ACTIVE.value, "link": LINK, "reset_link": RESET_LINK},
)
def already_registered(user: User) -> Mail:
    """Return the notice to the owner that their email address was registered again, with the account's status.

    If the email address is unverified, the account may not be the reader's. The email then says how to take it over, if
    a password can be set by email in this status.
    """
    reset_link = page("reset-password")
    if user.email_verified_at is None and user.can_be_mailed_a_password_link:
        return mail_to("already_registered", user, status="unproved", link=reset_link)
    facts: dict[str, Any] = {"status": user.status, "reason": user.status_reason, "until": user.suspended_until}
    return mail_to("already_registered", user, link=sign_in_page(user), reset_link=reset_link, **facts)


@email(
    label=_("Account created by an administrator"),
    sample={**NAME, "chooses": True, "link": RESET_LINK, "days": 3, "reset_link": RESET_LINK},
)
def account_created(user: User) -> Mail | None:
    """Return the email about an account created by an administrator, who also typed the name in the greeting.

    If the account has no password, the email has the link to set it; using the link verifies the email address. None if
    the account is no longer active.
    """
    if not user.is_active:
        return None
    mail = mail_to("account_created", user, name=user.get_short_name(), reset_link=page("reset-password"))
    return with_a_way_in(mail, user)


@email(label=_("Registration received"), sample=NAME)
def awaiting_approval(user: User, *, at: str = "") -> Mail | None:
    """Return the email that the registration awaits a decision since `at` (UTC), or None if it was decided."""
    return mail_as_decided("awaiting_approval", user, at, lacks_password=not user.has_usable_password())
