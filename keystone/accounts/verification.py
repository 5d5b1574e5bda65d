"""Verify email addresses."""

from django.db import transaction
from django.utils import timezone

from keystone.accounts import signals, tokens
from keystone.accounts.emails import queue_email, queue_password_email, queue_registration_email
from keystone.accounts.hooks import approvers_hear
from keystone.accounts.links import LinkUsed, find_link, use_link
from keystone.accounts.models import User
from keystone.accounts.send_signals import send_signal
from keystone.accounts.status import Status
from keystone.accounts.tokens import InvalidToken, Purpose
from keystone.actors.actor import Actor
from keystone.audit.log import event, record
from keystone.throttling.limits import count_request


def verify_email(token: str) -> User:
    """Use a verification link: mark the email address as verified, and move the account on as its flow says.

    If several callers use the link at once, one succeeds. The others, and anyone who uses it again within minutes, get
    the same result and change nothing. The person's other verification links stop working. If the email address was
    registered more than once, nobody knows whose password is right, so the account has none yet: the person is mailed
    another link to choose one.

    Raises:
        InvalidToken: the token can't be used (any more).
        TooManyAttempts: too many wrong tokens came from this IP address.
    """
    try:
        found = find_link(token, purpose=Purpose.VERIFY_EMAIL)
        with transaction.atomic():
            user = use_link(found)
            if user.email_verified_at is not None:
                raise InvalidToken
            prove_address(user)
            if lacks_password(user):
                queue_password_email("choose_password", user)
    except LinkUsed as used:
        return used.user
    return user


def lacks_password(user: User) -> bool:
    """Return whether a person still has to choose a password to sign in with, now or once they are approved."""
    return user.can_be_mailed_a_password_link and not user.has_usable_password()


def prove_address(user: User) -> None:
    """Mark the email address as verified, and move the account on. Call it with the row locked."""
    now = timezone.now()
    before = user.status
    user.email_verified_at = user.updated_at = now
    values = {"email_verified_at": now, "updated_at": now}
    if before == Status.PENDING_EMAIL_VERIFICATION:
        values |= user.set_status(user.flow.next_status(verified=True), at=now)
    User.objects.filter(pk=user.pk).update(**values)
    tokens.revoke([user.pk], purpose=Purpose.VERIFY_EMAIL)

    person = Actor.person(user)
    changes: dict[str, object] = {"email_verified_at": [None, now]}
    if user.status != before:
        changes["status"] = [before, user.status]
    record([event("user.email_verified", user, by=person, changes=changes)])
    if user.status == Status.PENDING_ADMIN_APPROVAL and before != user.status:
        queue_email("awaiting_approval", [user.pk], key=now.isoformat(), at=now.isoformat())
        approvers_hear("person_waits", [user], by=person)
    send_signal(signals.user_email_verified, user, by=person)


def resend_verification(email: str) -> None:
    """Request another verification link.

    Nothing is looked up here, so that the response and its timing are the same for everybody.

    Args:
        email: an email address, in any spelling.

    Raises:
        TooManyAttempts: too many requests came from this IP address.
    """
    count_request()
    queue_registration_email(email)
