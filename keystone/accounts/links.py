"""Use the link of an email: check its one-time token, and lock the account.

A double click, a reload or a front end that renders twice uses a link twice. For some minutes the second use is told
that the first one did its work, and changes nothing.
"""

from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from keystone.accounts import tokens
from keystone.accounts.authority import lock_user
from keystone.accounts.expiry import apply_expiry
from keystone.accounts.models import User
from keystone.accounts.status import Status
from keystone.accounts.tokens import InvalidToken, OneTimeToken, Purpose
from keystone.accounts.transition_table import UserNotFound
from keystone.throttling.limits import count_attempt

# These prove the account's own address, and die when it changes; the others are about another address.
OF_THE_ACCOUNT = {Purpose.VERIFY_EMAIL, Purpose.RESET_PASSWORD}
VERIFIED = {Status.PENDING_ADMIN_APPROVAL, Status.ACTIVE}  # what proving an address leads to


class LinkUsed(InvalidToken):
    """The link was used a moment ago, and what it did still holds. A link that only confirms answers as it did then."""

    message = _("This link was used a moment ago, and has done what it is for.")

    def __init__(self, user: User) -> None:
        super().__init__()
        self.user = user


def look_at_link(token: str, *, purpose: Purpose) -> OneTimeToken:
    """The token of a link that can be used, with its person. Nothing is used up: a look changes nothing.

    It is not counted: any web page can make a browser look, and 256 random bits cannot be guessed.

    Raises:
        LinkUsed: it was used a moment ago.
        InvalidToken: it cannot be used (any more).
    """
    found = tokens.usable(token, purpose=purpose).select_related("user").first()
    if found is None:
        used = tokens.used_lately(token, purpose=purpose).select_related("user").first()
        raise InvalidToken if used is None else _refusal_of(used, used.user)
    return found


def find_link(token: str, *, purpose: Purpose) -> OneTimeToken:
    """As `look_at_link`, for who is about to use the link: a wrong token counts as a guess.

    Where the time of the person's access has ended, so has the link's. Call it outside a transaction.

    Raises:
        LinkUsed: it was used a moment ago.
        InvalidToken: it cannot be used (any more).
        TooManyAttempts: too many wrong tokens came from this IP address.
    """
    attempt = count_attempt()
    try:
        found = look_at_link(token, purpose=purpose)
    except LinkUsed:
        attempt.give_back()
        raise
    attempt.give_back()
    apply_expiry(found.user)  # a deactivation ends the link, which `use_link` then refuses
    return found


def use_link(found: OneTimeToken) -> User:
    """Use a link up. Of any number of callers at once, one succeeds. Call it in the transaction of what it does.

    Returns:
        The person's row, locked. It is locked before the token, as every move does, so that the two cannot block
        each other.

    Raises:
        LinkUsed: another caller has used it at this moment.
        InvalidToken: it cannot be used any more, or the account's address is not that of the link.
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
    """What to raise for a token that has ended, whose person is `user` now."""
    holds = {
        Purpose.VERIFY_EMAIL: user.email_verified_at is not None and user.status in VERIFIED,
        Purpose.RESET_PASSWORD: True,
        Purpose.CONFIRM_EMAIL: user.is_active,
        Purpose.REVERT_EMAIL: True,
    }[Purpose(token.purpose)]
    is_of_address = token.purpose == Purpose.RESET_PASSWORD or user.email_normalized == token.email_normalized
    return LinkUsed(user) if token.took_effect and holds and is_of_address else InvalidToken()
