"""Rules on who may act on whom, beyond permissions."""

from collections.abc import Collection
from typing import Any, ClassVar

from django.db import connection
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from keystone.accounts.models import User
from keystone.accounts.transition_rules import UserNotFound
from keystone.actors.acting import lock_accounts
from keystone.actors.actor import Actor, ActorKind
from keystone.exceptions import Refusal

# Serializes changes that could remove the last superuser. The trigger of migration 0002 takes the same lock.
SUPERUSER_LOCK = 0x6B65_7973  # "keys"


ROLES = ("is_staff", "is_superuser")


class ProtectedAccount(Refusal):
    """Only superusers may act on staff and superusers."""

    code = "protected_account"
    status: ClassVar[int] = 403
    message: ClassVar[str | Promise] = _("Only a superuser can do this to staff or superusers.")


class ErasedAccount(Refusal):
    """The account was erased."""

    code = "erased"
    message: ClassVar[str | Promise] = _("This person was erased, which cannot be undone.")


class OwnAccount(Refusal):
    """Administrators may not do this to their own account."""

    code = "own_account"
    status: ClassVar[int] = 403
    message: ClassVar[str | Promise] = _("You cannot do this to your own account.")


class LastSuperuser(Refusal):
    """An active superuser must be left to administer the product."""

    code = "last_superuser"
    message: ClassVar[str | Promise] = _("This is the last active superuser. Create another one first.")


def refusal_to_touch(user: User, *, by: Actor, own: bool = False) -> Refusal | None:
    """Return why `by` may not act on `user`, or None if they may.

    Args:
        own: whether administrators may do this to their own account too.
    """
    if user.erased_at is not None:
        return ErasedAccount()
    if by.kind is ActorKind.ADMINISTRATOR:
        if by.user.pk == user.pk:
            return None if own else OwnAccount()
        if (user.is_staff or user.is_superuser) and not by.user.is_superuser:
            return ProtectedAccount()
    return None


def lock_user(user: User) -> User:
    """Return the current row of `user`, locked until the transaction ends.

    Raises:
        UserNotFound: the account no longer exists.
    """
    locked: User | None = User.objects.select_for_update(no_key=True).filter(pk=user.pk).first()
    if locked is None:
        raise UserNotFound
    return locked


def lock_acting(user: User) -> User:
    """Return the locked row of a person who acts on their own account, if they still may.

    Access can end after a request was authenticated: by a password reset, a suspension, or a sign-out of all devices.
    If that comes first, the action is refused.

    Raises:
        AccessEnded: access has ended since `user` was read, or the account no longer exists.
    """
    return lock_for(user, by=Actor.person(user))


def lock_for(user: User, *, by: Actor) -> User:
    """Return the locked row of `user`, after checking `by` again (see `actors.acting`).

    Raises:
        AccessEnded: the access of `by` has ended in the meantime.
        PermissionLost: `by` no longer has the permission.
        UserNotFound: the account no longer exists.
    """
    locked: list[User] = lock_accounts([user.pk], by=by)
    if not locked:
        raise UserNotFound
    return locked[0]


def refuse_to_grant(by: Actor) -> None:
    """Refuse to grant roles and permissions, except to superusers, commands, jobs and the system.

    Raises:
        ProtectedAccount: `by` is none of these.
    """
    if by.kind is ActorKind.PERSON or (by.kind is ActorKind.ADMINISTRATOR and not by.user.is_superuser):
        raise ProtectedAccount


def lock_superusers() -> None:
    """Lock the set of active superusers against changes until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [SUPERUSER_LOCK])


def lock_superusers_among(ids: Collection[Any]) -> None:
    """Call `lock_superusers` if any of `ids` is a superuser. Call this before locking their rows."""
    if User.objects.filter(pk__in=ids, is_superuser=True).exists():
        lock_superusers()


def leaves_a_superuser(leaving: Collection[Any]) -> bool:
    """Return whether an active superuser is left without the accounts `leaving`."""
    left: bool = User.objects.active_superusers().exclude(pk__in=leaving).exists()
    return left
