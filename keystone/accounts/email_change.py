"""Changing the address of an account: asked for with the password, confirmed from the new address, revertible from
the old one."""

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
    """The new address is the present one."""

    code = "invalid"
    status = 400
    message = _("Some of what was sent is not valid.")

    def __init__(self) -> None:
        super().__init__(fields={"email": [str(_("This is your present address."))]})


@task()
def mail_email_change(*, reserved: str) -> None:
    """Mail the link that confirms a new address, or tell the owner of the address."""
    mail_email_change_link(reserved)


def request_email_change(user: User, *, email: str, current_password: str) -> None:
    """Have a link mailed to the new address.

    Whether somebody has it already is looked up in a task, and told to its owner only. Nothing here depends on it, nor
    does anything that the person can read later, such as their own export.

    Args:
        email: the new address, as typed.
        current_password: the person's, asked for once more.

    Raises:
        ValidationError: `email` is not an address that mail can be sent to.
        WrongPassword: the password is not the person's.
        TooManyAttempts, HashingBusy: as for signing in; the same limits count.
        SameAddress: the address differs in nothing from the present one.
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
    """Mail the link of a change that was asked for. Where another account has the address, its owner is told instead.

    A second run queues nothing. Another spelling of the account's own verified address is not counted as a mail that a
    stranger causes.

    Args:
        reserved: the key of the right to the link.
    """
    asked = tokens.reserved(reserved)
    if asked is None or OutgoingMail.objects.filter(user=asked.user_id, context__reserved=reserved).exists():
        return
    both = User.objects.filter(Q(pk=asked.user_id) | Q(email_normalized=asked.email_normalized)).order_by("pk")
    # Locked before the count of mails: an erasure holds the account, too, when it comes to the count.
    people = {person.pk: person for person in both.select_for_update(no_key=True)}
    right = tokens.reserved(reserved)  # again: an erasure that came first has taken it away
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
    """Use the link that was mailed to the new address: it is the account's from now on, and proved.

    The old address is told, with a link that takes the change back; one that was never proved, which may be a
    stranger's, no more often than it gets other mails that strangers cause. Sessions go on; the other links end. Who
    uses the link again within minutes changes nothing.

    Raises:
        TooManyAttempts: too many wrong tokens came from this IP address.
        InvalidToken: the token cannot be used (any more).
        AddressTaken: somebody else has the address by now. Told only to who reads the mail that comes there.
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
    """Use the link that was mailed to the old address: it is the account's again.

    Whoever changed it knew the password, so that is taken away, every session ends, and a link to choose a new one is
    mailed. The address that it had meanwhile is told. Later changes cannot be brought back; earlier ones still can. Who
    uses the link again within minutes changes nothing.

    Raises:
        TooManyAttempts: too many wrong tokens came from this IP address.
        InvalidToken: the token cannot be used (any more).
        AddressTaken: somebody else has registered the old address in the meantime.
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
    revoke_access([user])  # before the address is written: whoever notes a stolen session waits for that with its row
    _move_to(user, found.email, by=person, action="user.email_reverted")
    user.password = make_password(None)
    User.objects.filter(pk=user.pk).update(password=user.password)
    # Of this change and of later ones, those too whose mail has not been sent yet: see `tokens.reserve`.
    rest = OneTimeToken.objects.filter(user=user, created_at__gte=found.created_at, used_at__isnull=True)
    rest.update(used_at=timezone.now())
    if user.is_active:
        queue_password_email("choose_password", user, after="revert")
    facts = {"old_email": before, "new_email": user.email, "at": timezone.now().isoformat()}
    queue_email("email_reverted", [user.pk], key=facts["at"], **facts)
    return user


def _move_to(user: User, email: str, *, by: Actor, action: str) -> None:
    """Give the account another address, which whoever acts has proved to be theirs.

    A registration of it that nobody has claimed gives way: it would only keep the address from its owner.

    Raises:
        AddressTaken: somebody else has it.
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
