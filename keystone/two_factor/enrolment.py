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
from keystone.two_factor.notices import tell
from keystone.two_factor.recovery_codes import make_recovery_codes
from keystone.two_factor.verification import CodeWrong, typed_code

SETUP_LIFETIME = timedelta(minutes=30)  # how long a QR code that was shown can be confirmed


class NothingBegun(Refusal):
    """No set-up is under way: it was never begun, was finished, or took too long."""

    code = "second_factor_not_begun"
    message: ClassVar[str | Promise] = _("This set-up has ended. Begin again.")


class NoSecondFactor(Refusal):
    """The person has set up none."""

    code = "no_second_factor"
    message: ClassVar[str | Promise] = _("This person has not set up two-factor sign-in.")


class SecondFactorRequired(Refusal):
    """Staff must keep theirs where `two_factor_required` says so."""

    code = "second_factor_kept"
    message: ClassVar[str | Promise] = _("Two-factor sign-in is required of staff here: it can be moved, not removed.")


class SuperusersOnly(Refusal):
    """Only superusers take somebody else's second factor away."""

    code = "permission_denied"
    status: ClassVar[int] = 403
    message: ClassVar[str | Promise] = _("Only a superuser may remove somebody else's two-factor sign-in.")


@dataclass(frozen=True)
class SetUp:
    """What a finished set-up gives.

    Attributes:
        authenticator: the one whose codes are asked for from now on.
        recovery_codes: in clear: the only time that anybody sees them.
    """

    authenticator: Authenticator
    recovery_codes: list[str]


def is_required_of(user: User) -> bool:
    """Whether the person must set up a second factor before they can use the admin."""
    return options().two_factor_required and user.is_staff


def begun(user: User, key: int | None) -> Authenticator | None:
    """The authenticator that the person is setting up; None where there is none, or the set-up took too long.

    Args:
        key: of what `begin` returned. Whoever begins a set-up keeps it, and shows the secret to nobody else: not to
            another session of the person either.
    """
    return _begun(user, key).first()


@transaction.atomic
def begin(user: User) -> Authenticator:
    """Begin to set up an authenticator with a new secret; one that was begun before ends.

    One that is confirmed goes on to be asked for until the new one is confirmed. Where there is one, ask for a code of
    it before you call this.

    Returns:
        The authenticator, not confirmed yet; its `uri` goes into a QR code, its `secret` is for typing, and its key
        is what `begun` and `confirm` ask for.

    Raises:
        AccessEnded: the person was signed out in the meantime.
        UserNotFound: the account has gone.
    """
    lock_acting(user)
    Authenticator.objects.devices_for_user(user, confirmed=False).delete()
    return Authenticator.objects.create(user=user, sealed_secret=encrypt(secrets.token_bytes(SECRET_BYTES)))


def confirm(user: User, key: int | None, code: str | None) -> SetUp:
    """Finish the set-up with the first code of the new authenticator. It replaces an older one, and so do the codes.

    The person's sessions over the API end: they were opened without it.

    The attempt is counted as by `check_code`; call it outside of any transaction.

    Args:
        key: of the authenticator that `begin` returned; no other one is confirmed.

    Raises:
        CodeNeeded: nothing was given.
        CodeWrong: it is not one of the new authenticator.
        NothingBegun: there is none to confirm, or another set-up was begun since.
        TooManyAttempts: too many were wrong before.
        AccessEnded: the person was signed out in the meantime.
        UserNotFound: the account has gone.
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
        revoke_sessions([user.pk], browsers=False)  # these are asked for a code instead
        codes = make_recovery_codes(user)
        person = Actor.person(user)
        record([event("user.second_factor_set_up", user, by=person)])
        tell("second_factor_set_up", user, by=person)
    attempt.give_back()
    return SetUp(authenticator, codes)


@transaction.atomic
def new_recovery_codes(user: User, *, by: Actor) -> list[str]:
    """Make new recovery codes; the old ones stop working, and the person is told by mail. Ask for a code before.

    Returns:
        The codes, in clear: the only time that anybody sees them.

    Raises:
        NoSecondFactor: they would let nobody in.
        UserNotFound: the account has gone.
    """
    lock_acting(user)
    if not Authenticator.objects.confirmed_of(user).exists():
        raise NoSecondFactor
    codes = make_recovery_codes(user)
    record([event("user.recovery_codes_made", user, by=by)])
    tell("recovery_codes_made", user, by=by)
    return codes


@transaction.atomic
def remove(user: User, *, by: Actor) -> bool:
    """Take a person's second factor away, with its recovery codes: signing in asks for the password only.

    It is for oneself, after a code, and to help somebody who has lost everything. Their sessions go on; the person is
    told by mail. A set-up that is under way ends with it, also where it is all that there is.

    Args:
        by: the person, a superuser, or a command.

    Returns:
        Whether there was a second factor; if not, a set-up was ended that had not been finished.

    Raises:
        NoSecondFactor: there is neither.
        SecondFactorRequired: staff who must have one do not remove their own.
        SuperusersOnly, OwnAccount: `by` may not do this.
        UserNotFound: the account has gone.
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
        tell("second_factor_removed", user, by=by)
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
