"""Unsubscribe by the `List-Unsubscribe` header of an email (RFC 8058), without signing in.

The link is signed and not stored. It does nothing else, works as long as the account has the email address that the
email went to, and may be used any number of times.
"""

import uuid
from contextlib import suppress

from django.conf import settings
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac

from keystone.accounts.models import User
from keystone.accounts.preferences import ApprovalNotices, choose_notices
from keystone.accounts.tokens import InvalidToken
from keystone.actors.actor import Actor
from keystone.conf import options

KEY_LENGTH = 32  # characters of the token that identify the person; the rest is the signature


def unsubscribe_url(user: User) -> str:
    """Return the link for this person. It leads to Keystone's own page, even if other links lead to a front end."""
    token = user.pk.hex + _signature(user, settings.SECRET_KEY)
    return options().public_url + reverse("pages:unsubscribe", args=[token])


def find_subscriber(token: str) -> User:
    """Return the person whose notices a link turns off. This changes nothing.

    Raises:
        InvalidToken: the signature is wrong, or the account is gone or has another email address now.
    """
    user: User | None = None
    with suppress(ValueError):
        user = User.objects.filter(pk=uuid.UUID(hex=token[:KEY_LENGTH])).first()
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    if user is None or not any(constant_time_compare(token[KEY_LENGTH:], _signature(user, key)) for key in keys):
        raise InvalidToken
    return user


def unsubscribe(token: str) -> User:
    """Turn off all notices of the person whose link this is. Nothing changes if they are already off.

    Raises:
        InvalidToken: as `find_subscriber`.
        AccessEnded, UserNotFound: the account is not usable any more, and gets no notices.
    """
    user = find_subscriber(token)
    choose_notices(user, approval_notices=ApprovalNotices.OFF, by=Actor.person(user))
    return user


def _signature(user: User, key: str) -> str:
    value = f"{user.pk.hex} {user.email_normalized}"
    return salted_hmac("keystone.notices.unsubscribe", value, secret=key, algorithm="sha256").hexdigest()
