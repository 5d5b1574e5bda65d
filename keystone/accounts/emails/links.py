"""Links in emails. Their tokens are minted while the mail is being sent."""

from datetime import timedelta
from typing import Any
from urllib.parse import quote

from django.db import transaction
from django.urls import reverse

from keystone.accounts import tokens
from keystone.accounts.authority import lock_user
from keystone.accounts.models import User
from keystone.accounts.status import Status
from keystone.accounts.tokens import OneTimeToken, Purpose, mint
from keystone.accounts.transition_rules import UserNotFound
from keystone.conf import options


def link(name: str, token: str) -> str:
    """Return a URL with a token, on the front end or Keystone's own pages. It is never built from a Host header."""
    return f"{page(name)}{quote(token)}/"


def page(name: str) -> str:
    """Return the URL of a page that needs no token."""
    return f"{options().link_url}/{name}/"


def sign_in_page(user: User) -> str:
    """Return the URL where this person signs in; empty if no such page is known.

    Keystone's own sign-in page is that of the admin, and lets in staff only.
    """
    if options().frontend_url:
        return f"{options().frontend_url}/"
    return options().public_url + reverse("admin:index") if user.is_staff else ""


def first_password_link(user: User) -> str:
    """Return a new link to set the password of an active account without one; empty for any other account."""
    with transaction.atomic():
        now = locked(user)
        if now is None or now.status != Status.ACTIVE or now.has_usable_password():
            return ""
        lifetime = options().email_verification_lifetime
        token = mint(purpose=Purpose.RESET_PASSWORD, user=now, email=now.email, lifetime=lifetime)
    return link("reset-password", token)


def mint_reserved(user: User, reserved: str, lifetime: timedelta) -> tuple[OneTimeToken | None, str]:
    """Return the reserved row and a new token for it, or None and an empty string if it has ended."""
    with transaction.atomic():
        now = locked(user)  # whatever ends the right holds this lock too: it comes before or after the token
        right = tokens.reserved(reserved) if now else None
        if right is None:
            return None, ""
        purpose = Purpose(right.purpose)
        return right, mint(purpose=purpose, user=user, email=right.email, lifetime=lifetime, since=right.created_at)


def locked(user: User) -> User | None:
    """Return the current row, locked, or None if the account is gone, which must not hold up other emails."""
    try:
        return lock_user(user)
    except UserNotFound:
        return None


def works_for(lifetime: timedelta) -> dict[str, Any]:
    """Return how long a link works, in the largest whole unit: `days`, `hours` or `minutes`."""
    minutes = max(1, int(lifetime.total_seconds() // 60))
    if minutes % (24 * 60) == 0:
        return {"days": minutes // (24 * 60)}
    return {"hours": minutes // 60} if minutes % 60 == 0 else {"minutes": minutes}


def password_link_lifetime(name: str) -> timedelta:
    return options().password_reset_lifetime if name == "reset_password" else options().email_verification_lifetime
