"""Proving that an address belongs to the person who registered it."""

from django.db import transaction
from django.utils import timezone

from keystone.accounts import signals, tokens
from keystone.accounts.announcing import announce
from keystone.accounts.emails import queue_email
from keystone.accounts.models import User
from keystone.accounts.registration import mail_registration
from keystone.accounts.status import Status
from keystone.accounts.tokens import InvalidToken, Purpose
from keystone.audit.actor import Actor
from keystone.audit.log import event, record


@transaction.atomic
def verify_email(token: str) -> User:
    """Use a verification link: the address is proved, and the account moves on as its flow says.

    Of any number of callers at once, one succeeds. The person's other verification links end with it.

    Raises:
        InvalidToken: the token cannot be used (any more).
    """
    # The person's row is locked before the token's, as every move does, so that the two cannot block each other.
    found = tokens.usable(token, purpose=Purpose.VERIFY_EMAIL).first()
    if found is None:
        raise InvalidToken
    user: User | None = User.objects.select_for_update(no_key=True).filter(pk=found.user_id).first()
    if user is None:
        raise InvalidToken
    redeemed = tokens.redeem(token, purpose=Purpose.VERIFY_EMAIL)
    if user.email_normalized != redeemed.email_normalized or user.email_verified_at is not None:
        raise InvalidToken
    now = timezone.now()
    before = user.status
    user.email_verified_at = user.updated_at = now
    values = {"email_verified_at": now, "updated_at": now}
    if before == Status.PENDING_EMAIL_VERIFICATION:
        values |= user.place(user.flow.next_status(verified=True), at=now)
    User.objects.filter(pk=user.pk).update(**values)
    tokens.revoke([user.pk], purpose=Purpose.VERIFY_EMAIL)

    person = Actor.person(user)
    changes: dict[str, object] = {"email_verified_at": [None, now]}
    if user.status != before:
        changes["status"] = [before, user.status]
    record([event("user.email_verified", user, by=person, changes=changes)])
    if user.status == Status.PENDING_ADMIN_APPROVAL:
        queue_email("awaiting_approval", [user.pk])
    announce(signals.user_email_verified, user, by=person)
    return user


@transaction.atomic
def resend_verification(email: str) -> None:
    """Mail a new link to somebody who still needs one. Says nothing about whether the address is known."""
    user = User.objects.with_email(email).select_for_update(no_key=True).first()
    if user is not None:
        mail_registration(user, None)
