"""Change the email address of an account.

A change is requested with the password, confirmed by a link mailed to the new email address, and can be reverted by a
link mailed to the old one.
"""

from datetime import timedelta

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from keystone import email_address
from keystone.accounts import signals, tokens
from keystone.accounts.authority import lock_acting
from keystone.accounts.backends import confirm_password
from keystone.accounts.emails import queue_email, queue_password_email
from keystone.accounts.links import LinkUsed, find_link, use_link
from keystone.accounts.models import User
from keystone.accounts.registration import AddressTaken
from keystone.accounts.revoke_access import revoke_access
from keystone.accounts.send_signals import send_signal
from keystone.accounts.tokens import InvalidToken, OneTimeToken, Purpose
from keystone.actors.actor import Actor
from keystone.audit.log import event, record
from keystone.background.declaring import task
from keystone.conf import options
from keystone.exceptions import Refusal
from keystone.mail.models import OutgoingMail
from keystone.throttling.limits import count_request
from keystone.throttling.mails import count_unasked_mail


class SameAddress(Refusal):
    """The new email address is the current one."""

    code = "invalid"
    status = 400
    message = _("Some fields are not valid.")

    def __init__(self) -> None:
        super().__init__(fields={"email": [str(_("This is already your email address."))]})


@task()
def mail_email_change(*, reserved: str) -> None:
    """Mail the link that confirms a new email address, or notify the owner of the address."""
    mail_email_change_link(reserved)


def request_email_change(user: User, *, email: str, current_password: str) -> None:
    """Request a change of email address: a link is mailed to the new one.

    Whether another account has it is looked up in a task, and only its owner is told. Nothing here depends on that, nor
    does anything that the person can read later, such as their own data export.

    Args:
        email: the new email address, as typed.
        current_password: the person's password, for confirmation.

    Raises:
        ValidationError: `email` can't receive mail.
        WrongPassword: the password is wrong.
        TooManyAttempts, HashingBusy: as for signing in; the same limits apply.
        SameAddress: the email address is exactly the current one.
    """
    count_request()
    confirm_password(user, current_password)
    typed = email_address.as_typed(email)
    normalized = email_address.require_deliverable(typed)
    if typed == user.email:
        raise SameAddress
    with transaction.atomic():
        lock_acting(user)
        record([event("user.email_change_asked", user, by=Actor.person(user))])
        lately = timezone.now() - timedelta(minutes=options().unasked_mail_waits[0])
        asked = OneTimeToken.objects.filter(user=user, purpose=Purpose.CONFIRM_EMAIL, email_normalized=normalized)
        if not asked.filter(created_at__gt=lately).exists():
            lifetime = options().email_verification_lifetime
            right = tokens.reserve(purpose=Purpose.CONFIRM_EMAIL, user=user, email=typed, lifetime=lifetime)
            mail_email_change.enqueue(reserved=str(right.pk))


@transaction.atomic
def mail_email_change_link(reserved: str) -> None:
    """Mail the link of a requested change. If another account has the email address, notify its owner instead.

    A second run queues nothing. Another spelling of the account's own verified email address doesn't count as
    unsolicited mail.

    Args:
        reserved: the primary key of the reserved token.
    """
    asked = tokens.reserved(reserved)
    if asked is None or OutgoingMail.objects.filter(user=asked.user_id, context__reserved=reserved).exists():
        return
    both = User.objects.filter(Q(pk=asked.user_id) | Q(email_normalized=asked.email_normalized)).order_by("pk")
    # Locked before the mail is counted: an erasure also holds the account when it gets to the count.
    people = {person.pk: person for person in both.select_for_update(no_key=True)}
    right = tokens.reserved(reserved)  # read again: an erasure may have deleted it
    if right is None:
        return
    user = people.pop(right.user_id)
    owner = next(iter(people.values()), None)
    is_own = user.email_normalized == right.email_normalized and user.email_verified_at is not None
    if not is_own and not count_unasked_mail(right.email):
        return
    if owner is None or owner.is_unclaimed:
        queue_email("confirm_email", [user.pk], key=reserved, to=right.email, reserved=reserved)
    else:
        queue_email("address_in_use", [owner.pk], key=reserved)


def confirm_email_change(token: str) -> User:
    """Use the link mailed to the new email address, which becomes the account's, verified.

    The old email address is notified, with a link that reverts the change. If it was never verified, it may be a
    stranger's and gets the notice no more often than other unsolicited mail. Sessions continue; links stop working,
    except those that revert a change. Using the link again within minutes changes nothing.

    Raises:
        TooManyAttempts: too many wrong tokens came from this IP address.
        InvalidToken: the token can't be used (any more).
        AddressTaken: another account has the email address now. Only the reader of its mail learns this.
    """
    try:
        found = find_link(token, purpose=Purpose.CONFIRM_EMAIL)
        return _confirm(found)
    except LinkUsed as used:
        return used.user


@transaction.atomic
def _confirm(found: OneTimeToken) -> User:
    user = use_link(found)
    if not user.is_active:
        raise InvalidToken
    before, was_proved = user.email, user.email_verified_at is not None
    _move_to(user, found.email, by=Actor.person(user), action="user.email_changed")
    tokens.revoke([user.pk], but=Purpose.REVERT_EMAIL)
    lifetime = options().email_revert_lifetime
    right = tokens.reserve(purpose=Purpose.REVERT_EMAIL, user=user, email=before, lifetime=lifetime)
    facts = {"old_email": before, "new_email": user.email, "at": timezone.now().isoformat()}
    if was_proved or count_unasked_mail(before):
        queue_email("email_changed", [user.pk], key=str(right.pk), reserved=str(right.pk), **facts)
    return user


def revert_email_change(token: str) -> User:
    """Use the link mailed to the old email address, which becomes the account's again.

    Whoever changed it knew the password, so the password is removed, all sessions end, and a link to choose a new one
    is mailed if the account is active. The email address that the account had meanwhile is notified. Later changes
    can't be reverted any more; earlier ones still can. Using the link again within minutes changes nothing.

    Raises:
        TooManyAttempts: too many wrong tokens came from this IP address.
        InvalidToken: the token can't be used (any more).
        AddressTaken: somebody else has registered the old email address in the meantime.
    """
    try:
        found = find_link(token, purpose=Purpose.REVERT_EMAIL)
        return _revert(found)
    except LinkUsed as used:
        return used.user


@transaction.atomic
def _revert(found: OneTimeToken) -> User:
    user = use_link(found)
    person, before = Actor.person(user), user.email
    # Before the email address is written: recording a stolen session waits for that while holding its row.
    revoke_access([user])
    _move_to(user, found.email, by=person, action="user.email_reverted")
    user.password = make_password(None)
    User.objects.filter(pk=user.pk).update(password=user.password)
    # Of this change and of later ones, including links not mailed yet (see `tokens.reserve`).
    rest = OneTimeToken.objects.filter(user=user, created_at__gte=found.created_at, used_at__isnull=True)
    rest.update(used_at=timezone.now())
    if user.is_active:
        queue_password_email("choose_password", user, after="revert")
    facts = {"old_email": before, "new_email": user.email, "at": timezone.now().isoformat()}
    queue_email("email_reverted", [user.pk], key=facts["at"], **facts)
    return user


def _move_to(user: User, email: str, *, by: Actor, action: str) -> None:
    """Give the account another email address, which `by` has proved to be theirs.

    An unclaimed registration of it is deleted: it would only keep the email address from its owner.

    Raises:
        AddressTaken: another account has it.
    """
    squatter = User.objects.with_email(email).exclude(pk=user.pk).select_for_update(no_key=True).first()
    if squatter is not None and squatter.is_unclaimed:
        record([event("user.gave_way", squatter, by=by)])
        squatter.delete()
    before = {"email": user.email, "email_verified_at": user.email_verified_at}
    user.email, user.email_verified_at = email, timezone.now()
    try:
        with transaction.atomic():
            user.save(update_fields=["email", "email_verified_at", "updated_at"])
    except IntegrityError:
        raise AddressTaken from None
    changes = {name: [value, getattr(user, name)] for name, value in before.items()}
    record([event(action, user, by=by, changes=changes)])
    send_signal(signals.user_changed, user, by=by)
