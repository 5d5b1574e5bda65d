"""Using the link of a mail: the one-time token in it, and the account that it acts on."""

from django.db.models.functions import Now

from keystone.accounts import tokens
from keystone.accounts.authority import lock_user
from keystone.accounts.expiry import settle
from keystone.accounts.models import User
from keystone.accounts.moves import UserNotFound
from keystone.accounts.tokens import InvalidToken, OneTimeToken, Purpose
from keystone.attempts.counting import count_attempt

# These prove the account's own address, and die when it changes; the others are about another address.
OF_THE_ACCOUNT = {Purpose.VERIFY_EMAIL, Purpose.RESET_PASSWORD}


def look_at_link(token: str, *, purpose: Purpose) -> OneTimeToken:
    """The token of a link that can be used, with its person. Nothing is used up: a look changes nothing.

    It is not counted: any web page can make a browser look, and 256 random bits cannot be guessed.

    Raises:
        InvalidToken: it cannot be used (any more).
    """
    found = tokens.usable(token, purpose=purpose).select_related("user").first()
    if found is None:
        raise InvalidToken
    return found


def find_link(token: str, *, purpose: Purpose) -> OneTimeToken:
    """As `look_at_link`, for who is about to use the link: a wrong token counts as a guess.

    Where the time of the person's access has ended, so has the link's. Call it outside a transaction.

    Raises:
        InvalidToken: it cannot be used (any more).
        TooManyAttempts: too many wrong tokens came from this IP address.
    """
    attempt = count_attempt()
    found = look_at_link(token, purpose=purpose)
    attempt.give_back()
    settle(found.user)  # a deactivation ends the link, which `use_link` then refuses
    return found


def use_link(found: OneTimeToken) -> User:
    """Use a link up. Of any number of callers at once, one succeeds. Call it in the transaction of what it does.

    Returns:
        The person's row, locked. It is locked before the token, as every move does, so that the two cannot block
        each other.

    Raises:
        InvalidToken: it cannot be used any more, or the account's address is not that of the link.
    """
    try:
        user = lock_user(found.user)
    except UserNotFound:
        raise InvalidToken from None
    still = OneTimeToken.objects.filter(pk=found.pk, used_at__isnull=True, expires_at__gt=Now())
    if not still.update(used_at=Now()):
        raise InvalidToken
    if found.purpose in OF_THE_ACCOUNT and user.email_normalized != found.email_normalized:
        raise InvalidToken
    return user
