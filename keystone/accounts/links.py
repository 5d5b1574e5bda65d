"""Use the link of an email: check its one-time token, and lock the account.

Double clicks, reloads and front ends that render twice use a link twice. For some minutes, the second use reports the
success of the first, and changes nothing.
"""

from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from keystone.accounts import tokens
from keystone.accounts.authority import lock_user
from keystone.accounts.expiry import apply_expiry
from keystone.accounts.models import User
from keystone.accounts.status import Status
from keystone.accounts.tokens import InvalidToken, OneTimeToken, Purpose
from keystone.accounts.transition_rules import UserNotFound
from keystone.throttling.limits import count_attempt

# These verify the account's own email address, and end when it changes. The others are about another address.
OF_THE_ACCOUNT = {Purpose.VERIFY_EMAIL, Purpose.RESET_PASSWORD}
VERIFIED = {Status.PENDING_ADMIN_APPROVAL, Status.ACTIVE}  # the statuses after verification


class LinkUsed(InvalidToken):
    """The link was just used, and its effect still holds. A link that only confirms responds as the first time."""

    message = _("This link has just been used. There is nothing left to do.")

    def __init__(self, user: User) -> None:
        super().__init__()
        self.user = user


def inspect_link(token: str, *, purpose: Purpose) -> OneTimeToken:
    """Return the token of a usable link, with its person. This doesn't use it up.

    It is not counted as an attempt: any web page can make a browser open a link, and 256 random bits can't be guessed.

    Raises:
        LinkUsed: it was used a moment ago.
        InvalidToken: it can't be used (any more).
    """
    found = tokens.usable(token, purpose=purpose).select_related("user").first()
    if found is None:
        used = tokens.used_lately(token, purpose=purpose).select_related("user").first()
        raise InvalidToken if used is None else _refusal_of(used, used.user)
    return found


def find_link(token: str, *, purpose: Purpose) -> OneTimeToken:
    """Return the token, as `inspect_link`, for a caller that will use the link. A wrong token counts as an attempt.

    If the person's access has expired, so has the link. Call it outside a transaction.

    Raises:
        LinkUsed: it was used a moment ago.
        InvalidToken: it can't be used (any more).
        TooManyAttempts: too many wrong tokens came from this IP address.
    """
    attempt = count_attempt()
    try:
        found = inspect_link(token, purpose=purpose)
    except LinkUsed:
        attempt.give_back()
        raise
    attempt.give_back()
    apply_expiry(found.user)  # a deactivation ends the link, which `use_link` then refuses
    return found


def use_link(found: OneTimeToken) -> User:
    """Use up a link. If several callers do so at once, one succeeds. Call it in the transaction of its effect.

    Returns:
        The person's row, locked. It is locked before the token, as in every transition, to avoid deadlocks.

    Raises:
        LinkUsed: another caller has just used it.
        InvalidToken: it can't be used any more, or the account's email address is not that of the link.
    """
    try:
        user = lock_user(found.user)
    except UserNotFound:
        raise InvalidToken from None
    still = OneTimeToken.objects.filter(pk=found.pk, used_at__isnull=True, expires_at__gt=Now())
    if not still.update(used_at=Now(), took_effect=True):
        ended = OneTimeToken.objects.filter(pk=found.pk).first()  # none after an erasure
        raise InvalidToken if ended is None else _refusal_of(ended, user)
    if found.purpose in OF_THE_ACCOUNT and user.email_normalized != found.email_normalized:
        raise InvalidToken
    return user


def _refusal_of(token: OneTimeToken, user: User) -> InvalidToken:
    """Return the refusal for a token that has ended, given its person's current row."""
    holds = {
        Purpose.VERIFY_EMAIL: user.email_verified_at is not None and user.status in VERIFIED,
        Purpose.RESET_PASSWORD: True,
        Purpose.CONFIRM_EMAIL: user.is_active,
        Purpose.REVERT_EMAIL: True,
    }[Purpose(token.purpose)]
    is_of_address = token.purpose == Purpose.RESET_PASSWORD or user.email_normalized == token.email_normalized
    return LinkUsed(user) if token.took_effect and holds and is_of_address else InvalidToken()
