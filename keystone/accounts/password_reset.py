"""Reset a forgotten password by a link in an email."""

from django.contrib.auth.hashers import make_password
from django.db import transaction

from keystone.accounts.emails import queue_password_email
from keystone.accounts.expiry import apply_expiry
from keystone.accounts.links import find_link, use_link
from keystone.accounts.models import User
from keystone.accounts.passwords import require_acceptable, store_password
from keystone.accounts.tokens import InvalidToken, Purpose
from keystone.accounts.verification import prove_address
from keystone.actors.actor import Actor
from keystone.audit.log import event, record
from keystone.background.declaring import task
from keystone.passwords.hashing_slots import hashing_slots
from keystone.throttling.limits import count_request
from keystone.throttling.mails import count_unasked_mail


@task()
def mail_password_reset(*, email: str) -> None:
    """Mail the link to set a new password to the account with this email address."""
    mail_reset_link(email)


def request_password_reset(email: str) -> None:
    """Request the email with the link.

    Nothing is looked up here, so that the response and its timing are the same for everybody.

    Args:
        email: an email address, in any spelling.

    Raises:
        TooManyAttempts: too many requests came from this IP address.
    """
    count_request()
    mail_password_reset.enqueue(email=email)


@transaction.atomic
def mail_reset_link(email: str) -> None:
    """Mail the link to the account with this email address, if there is one and the address may get mail now."""
    known: User | None = User.objects.with_email(email).first()
    if known is not None:
        apply_expiry(known)
    user: User | None = User.objects.with_email(email).select_for_update(no_key=True).first()
    if user is None or not user.can_be_mailed_a_password_link:
        return
    if count_unasked_mail(user.email):
        queue_password_email("reset_password", user)


def reset_password(token: str, *, new_password: str) -> User:
    """Set a new password with a mailed token. If several callers use it at once, one succeeds.

    All sessions, tokens and other links end. Using the link verifies the email address, so an account that waited for
    that moves on.

    Raises:
        TooManyAttempts: too many wrong tokens came from this IP address.
        InvalidToken: the token can't be used (any more).
        PasswordRefused: the validators reject the password; the token can be used again.
        HashingBusy: too many passwords are being hashed at the moment.
    """
    hashing_slots().refuse_when_full()
    found = find_link(token, purpose=Purpose.RESET_PASSWORD)
    require_acceptable(new_password, found.user)
    hashed = make_password(new_password)  # before the lock: hashing takes a while
    with transaction.atomic():
        user = use_link(found)
        if not user.can_be_mailed_a_password_link:
            raise InvalidToken
        person = Actor.person(user)
        store_password(user, hashed, by=person)
        record([event("user.password_reset", user, by=person)])
        if user.email_verified_at is None:
            prove_address(user)
    return user
