"""Set up and remove the second factor."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from keystone.accounts.authority import lock_acting, lock_for, refusal_to_touch
from keystone.accounts.models import User
from keystone.actors.actor import Actor, ActorKind
from keystone.audit.log import event, record
from keystone.conf import options
from keystone.exceptions import Refusal
from keystone.sessions.revocation import revoke_sessions
from keystone.throttling.limits import count_code
from keystone.two_factor.encryption import encrypt
from keystone.two_factor.models import SECRET_BYTES, Authenticator, RecoveryCode
from keystone.two_factor.notices import queue_notice
from keystone.two_factor.recovery_codes import make_recovery_codes
from keystone.two_factor.verification import CodeWrong, typed_code

SETUP_LIFETIME = timedelta(minutes=30)  # how long a QR code can be confirmed after it was shown


class NothingBegun(Refusal):
    """No set-up is in progress: it was never begun, is finished, or took too long."""

    code = "second_factor_not_begun"
    message: ClassVar[str | Promise] = _("This set-up has expired. Start again.")


class NoSecondFactor(Refusal):
    """The user has not set up a second factor."""

    code = "no_second_factor"
    message: ClassVar[str | Promise] = _("This person has not set up two-factor sign-in.")


class SecondFactorRequired(Refusal):
    """Staff may not remove their second factor while `two_factor_required` is set."""

    code = "second_factor_kept"
    message: ClassVar[str | Promise] = _("Two-factor sign-in is required for staff: it can be moved, but not removed.")


class SuperusersOnly(Refusal):
    """Only superusers may remove another user's second factor."""

    code = "permission_denied"
    status: ClassVar[int] = 403
    message: ClassVar[str | Promise] = _("Only a superuser can remove somebody else's two-factor sign-in.")


@dataclass(frozen=True)
class SetUp:
    """The result of a finished set-up.

    Attributes:
        authenticator: the authenticator whose codes are asked for from now on.
        recovery_codes: the codes in plain text. They cannot be shown again.
    """

    authenticator: Authenticator
    recovery_codes: list[str]


def is_required_of(user: User) -> bool:
    """Return whether the user must set up a second factor before they can use the admin."""
    return options().two_factor_required and user.is_staff


def begun(user: User, key: int | None) -> Authenticator | None:
    """Return the authenticator that the user is setting up; None if there is none or the set-up took too long.

    Args:
        key: the key of the authenticator that `begin` returned. The caller of `begin` must keep it, and must not show
            the secret to anybody else, not even to another session of the user.
    """
    return _begun(user, key).first()


@transaction.atomic
def begin(user: User) -> Authenticator:
    """Begin to set up an authenticator with a new secret. A set-up that was begun before ends.

    A confirmed authenticator stays in use until the new one is confirmed. If the user has one, ask for one of its codes
    before calling this function.

    Returns:
        The unconfirmed authenticator. Its `uri` is for a QR code and its `secret` for typing; its key is required by
        `begun` and `confirm`.

    Raises:
        AccessEnded: the user was signed out in the meantime.
        UserNotFound: the account no longer exists.
    """
    lock_acting(user)
    Authenticator.objects.devices_for_user(user, confirmed=False).delete()
    return Authenticator.objects.create(user=user, sealed_secret=encrypt(secrets.token_bytes(SECRET_BYTES)))


def confirm(user: User, key: int | None, code: str | None) -> SetUp:
    """Finish the set-up with the first code of the new authenticator.

    The new authenticator and its recovery codes replace older ones. The user's API sessions end, because they were
    opened without it.

    The attempt is counted as in `check_code`. Call this outside a transaction.

    Args:
        key: the key of the authenticator that `begin` returned; no other one is confirmed.

    Raises:
        CodeNeeded: no code was given.
        CodeWrong: the code is not one of the new authenticator.
        NothingBegun: there is no authenticator to confirm, or another set-up was begun since.
        TooManyAttempts: there were too many wrong attempts before.
        AccessEnded: the user was signed out in the meantime.
        UserNotFound: the account no longer exists.
    """
    text = typed_code(code)
    if not _begun(user, key).exists():
        raise NothingBegun
    attempt = count_code(address=user.email_normalized)
    with transaction.atomic():
        lock_acting(user)
        authenticator = _begun(user, key).select_for_update().first()
        if authenticator is None:
            raise NothingBegun
        if not authenticator.verify_token(text):
            raise CodeWrong
        Authenticator.objects.confirmed_of(user).delete()
        authenticator.confirmed, authenticator.confirmed_at = True, timezone.now()
        authenticator.save(update_fields=["confirmed", "confirmed_at"])
        revoke_sessions([user.pk], browsers=False)  # browser sessions are asked for a code instead
        codes = make_recovery_codes(user)
        person = Actor.person(user)
        record([event("user.second_factor_set_up", user, by=person)])
        queue_notice("second_factor_set_up", user, by=person)
    attempt.give_back()
    return SetUp(authenticator, codes)


@transaction.atomic
def new_recovery_codes(user: User, *, by: Actor) -> list[str]:
    """Create new recovery codes, and notify the user by mail. The old ones stop working. Ask for a code before.

    Returns:
        The codes in plain text. They cannot be shown again.

    Raises:
        NoSecondFactor: the user has no second factor, so the codes would be of no use.
        UserNotFound: the account no longer exists.
    """
    lock_acting(user)
    if not Authenticator.objects.confirmed_of(user).exists():
        raise NoSecondFactor
    codes = make_recovery_codes(user)
    record([event("user.recovery_codes_made", user, by=by)])
    queue_notice("recovery_codes_made", user, by=by)
    return codes


@transaction.atomic
def remove(user: User, *, by: Actor) -> bool:
    """Remove a user's second factor and recovery codes, so that signing in only asks for the password.

    Users can do this for themselves, after a code; superusers and commands can do it for somebody who has lost both
    device and codes. Sessions stay open, and the user is notified by mail. An unfinished set-up ends as well, even if
    there is no second factor yet.

    Args:
        by: the user, a superuser, or a command.

    Returns:
        Whether there was a second factor. If not, an unfinished set-up was ended.

    Raises:
        NoSecondFactor: there is neither a second factor nor a set-up in progress.
        SecondFactorRequired: staff who must have a second factor may not remove their own.
        SuperusersOnly, OwnAccount: `by` may not do this.
        UserNotFound: the account no longer exists.
    """
    locked = lock_for(user, by=by)
    refusal = refusal_to_touch(locked, by=by) or _refusal_to_remove(locked, by=by)
    if refusal is not None:
        raise refusal
    was_set_up = Authenticator.objects.confirmed_of(locked).exists()
    if not Authenticator.objects.devices_for_user(locked).delete()[0]:
        raise NoSecondFactor
    RecoveryCode.objects.filter(user=locked).delete()
    record([event("user.second_factor_removed" if was_set_up else "user.second_factor_set_up_ended", user, by=by)])
    if was_set_up:
        queue_notice("second_factor_removed", user, by=by)
    return was_set_up


def _refusal_to_remove(user: User, *, by: Actor) -> Refusal | None:
    match by.kind:
        case ActorKind.PERSON:
            if by.user.pk != user.pk:
                return SuperusersOnly()
            return SecondFactorRequired() if is_required_of(user) else None
        case ActorKind.ADMINISTRATOR:
            return None if by.user.is_superuser else SuperusersOnly()
    return None


def _begun(user: User, key: int | None) -> QuerySet[Authenticator]:
    begun = Authenticator.objects.begun_of(user, since=timezone.now() - SETUP_LIFETIME)
    return begun.none() if key is None else begun.filter(pk=key)
