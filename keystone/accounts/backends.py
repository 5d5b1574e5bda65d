"""Signing in by email address, for the admin and the browsable API."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.hashers import check_password, make_password
from django.http import HttpRequest

from keystone.accounts.lifecycle import lift_ended_suspension
from keystone.accounts.models import User


class EmailBackend(ModelBackend):
    """Finds the account by any spelling of its address; only an active one gets in."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        """The person with this address and password, if their account is active."""
        address = username or kwargs.get(User.USERNAME_FIELD)
        if not address or password is None:
            return None
        user = person_with_password(address, password)
        return user if user is not None and self.user_can_authenticate(user) else None


def person_with_password(email: str, password: str) -> User | None:
    """The account of this address if the password is its own, whatever its status.

    A suspension that has ended is lifted. An unknown address costs one password hash like a known one, so that time
    tells nothing.
    """
    user: User | None = User.objects.with_email(email).first()
    if user is None or not user.has_usable_password():
        make_password(password)
        return None

    before = user.password

    def upgrade(raw_password: str) -> None:
        """Store a newer hash of the same password, unless the password was changed at this very moment."""
        hashed = make_password(raw_password)
        if User.objects.filter(pk=user.pk, password=before).update(password=hashed):
            user.password = hashed

    return lift_ended_suspension(user) if check_password(password, before, upgrade) else None
