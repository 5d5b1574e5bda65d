"""Who may act on whom, beyond the permissions they hold."""

from collections.abc import Collection
from typing import Any, ClassVar

from django.db import connection
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from keystone.accounts.models import User
from keystone.accounts.transition_table import UserNotFound
from keystone.actors.acting import lock_accounts
from keystone.actors.actor import Actor, ActorKind
from keystone.exceptions import Refusal

# Serializes what could take the last superuser away; the trigger of migration 0002 takes the same lock.
SUPERUSER_LOCK = 0x6B65_7973  # "keys"


ROLES = ("is_staff", "is_superuser")


class ProtectedAccount(Refusal):
    """Staff and superusers are touched by superusers only."""

    code = "protected_account"
    status: ClassVar[int] = 403
    message: ClassVar[str | Promise] = _("Only a superuser may do this to staff or superusers.")


class ErasedAccount(Refusal):
    """Nobody is behind the account any more."""

    code = "erased"
    message: ClassVar[str | Promise] = _("This person was erased, which cannot be undone.")


class OwnAccount(Refusal):
    """An administrator does not decide on their own account."""

    code = "own_account"
    status: ClassVar[int] = 403
    message: ClassVar[str | Promise] = _("You cannot do this to your own account.")


class LastSuperuser(Refusal):
    """Somebody must be left who can administer the product."""

    code = "last_superuser"
    message: ClassVar[str | Promise] = _("This is the last active superuser. Make another one first.")


def refusal_to_touch(user: User, *, by: Actor, own: bool = False) -> Refusal | None:
    """Why `by` may not act on `user`, or None where they may.

    Args:
        own: whether an administrator may do this to their own account too.
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
    """The row of `user` as it now is, locked until the transaction ends.

    Raises:
        UserNotFound: the account has gone.
    """
    locked: User | None = User.objects.select_for_update(no_key=True).filter(pk=user.pk).first()
    if locked is None:
        raise UserNotFound
    return locked


def lock_acting(user: User) -> User:
    """The row of somebody who acts on their own account, locked, if they still may.

    Between the look at a request's credentials and its act access can end, by a reset of the password, a suspension
    or another device that signs out everywhere. Whoever came first then wins, and the act is refused.

    Raises:
        AccessEnded: access has ended since `user` was read, or the account has gone.
    """
    return lock_for(user, by=Actor.person(user))


def lock_for(user: User, *, by: Actor) -> User:
    """The row of `user`, locked for what `by` does to it, with `by` judged again (see `audit.acting`).

    Raises:
        AccessEnded: the access of `by` has ended in the meantime.
        PermissionLost: `by` does not hold the permission any more.
        UserNotFound: the account has gone.
    """
    locked: list[User] = lock_accounts([user.pk], by=by)
    if not locked:
        raise UserNotFound
    return locked[0]


def refuse_to_grant(by: Actor) -> None:
    """Let only superusers, commands, jobs and the system give roles and rights.

    Raises:
        ProtectedAccount: `by` is none of these.
    """
    if by.kind is ActorKind.PERSON or (by.kind is ActorKind.ADMINISTRATOR and not by.user.is_superuser):
        raise ProtectedAccount


def lock_superusers() -> None:
    """Hold, until the transaction ends, the one right to change who is an active superuser."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [SUPERUSER_LOCK])


def lock_superusers_among(ids: Collection[Any]) -> None:
    """`lock_superusers`, if one of those with the keys `ids` is one. Call it before their rows are locked."""
    if User.objects.filter(pk__in=ids, is_superuser=True).exists():
        lock_superusers()


def leaves_a_superuser(leaving: Collection[Any]) -> bool:
    """Whether an active superuser is left when those with the keys `leaving` are gone."""
    left: bool = User.objects.active_superusers().exclude(pk__in=leaving).exists()
    return left
