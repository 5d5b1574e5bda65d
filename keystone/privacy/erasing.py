"""Erase a user: what identifies them is deleted, the record of what happened stays. This cannot be undone."""

from typing import ClassVar

from django.db import transaction
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from keystone.accounts import signals
from keystone.accounts.authority import lock_for, refusal_to_touch
from keystone.accounts.backends import confirm_password
from keystone.accounts.models import User
from keystone.accounts.personal_data import known_addresses, not_of_others, pseudonym_of
from keystone.accounts.revoke_access import revoke_access
from keystone.accounts.send_signals import send_signal
from keystone.actors.actor import Actor
from keystone.audit.log import event, record
from keystone.exceptions import Refusal
from keystone.personal_data import ERASERS, Erasure


class RolesFirst(Refusal):
    """Staff and superusers are not erased, so that nobody is missing unexpectedly and no role is left unassigned."""

    code = "roles_first"
    status: ClassVar[int] = 403
    message: ClassVar[str | Promise] = _("Staff and superusers cannot be erased. Withdraw their roles first.")


class AnotherAddress(Refusal):
    """The email address typed to confirm is not that of the account."""

    code = "another_address"
    status: ClassVar[int] = 400
    message: ClassVar[str | Promise] = _("That is not the email address of this account. Nothing was erased.")


def erase_own_account(user: User, *, current_password: str, email: str) -> User:
    """Erase the account of a user at their own request.

    Args:
        current_password: the user's password.
        email: the user's email address once more, to prevent accidents.

    Raises:
        RolesFirst: the user is staff or a superuser.
        AnotherAddress: the email address is not the user's.
        WrongPassword: the password is wrong.
        TooManyAttempts, HashingBusy: as for signing in, with the same limits.
        AccessEnded: the user's access has ended in the meantime.
    """
    if user.is_staff or user.is_superuser:
        raise RolesFirst
    confirm_address(user, email)
    confirm_password(user, current_password)
    return erase_person(user, by=Actor.person(user))


def confirm_address(user: User, typed: str) -> None:
    """Check that the typed email address is that of this account, in any spelling.

    Raises:
        AnotherAddress: the email address is not that of the account.
    """
    if not User.objects.with_email(typed).filter(pk=user.pk).exists():
        raise AnotherAddress(fields={"email": [str(AnotherAddress.message)]})


@transaction.atomic
def erase_person(user: User, *, by: Actor) -> User:
    """Delete everything that identifies a user, in one transaction.

    The account stays as a deactivated one with a pseudonym, because records refer to it. The audit log keeps what was
    done, when and by whom, with the pseudonym in place of the email address and without texts written about the user.
    The email address can be registered again.

    Args:
        user: the user to erase.
        by: the actor who erases.

    Raises:
        RolesFirst: the user is staff or a superuser.
        ErasedAccount: the user has already been erased.
        OwnAccount, ProtectedAccount: `by` may not act on this user.
        UserNotFound: the account no longer exists.
        AccessEnded: `by` is the user, whose access has ended in the meantime.
    """
    locked = lock_for(user, by=by)
    refusal = refusal_to_touch(locked, by=by)
    if refusal is not None:
        raise refusal
    if locked.is_staff or locked.is_superuser:
        raise RolesFirst
    now = timezone.now()
    known = known_addresses(locked)
    erasure = Erasure(
        by=by,
        at=now,
        pseudonym=pseudonym_of(locked),
        addresses=not_of_others(locked, known),
        known_addresses=known,
    )
    revoke_access([locked])
    for name in sorted(ERASERS):
        ERASERS[name](locked, erasure)
    erased: User = User.objects.get(pk=locked.pk)
    own = by.user is not None and by.user.pk == erased.pk
    record([event("user.erased", erased, by=Actor.person(erased) if own else by)])
    send_signal(signals.user_erased, erased, by=Actor.person(erased) if own else by)
    return erased
