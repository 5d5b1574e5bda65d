"""Lock the acting account and check its rights once more, inside the transaction of what it does.

A request is let through by what its account may do when it arrives. It may then wait, for a row, a lock or a password
hash, while the account is suspended or loses a right. So every function that acts for somebody locks their row first,
with a lock that ending access waits for, and judges them again.
"""

from collections.abc import Collection
from contextlib import suppress
from typing import Any, ClassVar

from django.contrib.auth import get_user_model
from django.db import OperationalError, transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from psycopg.errors import LockNotAvailable

from keystone.actors.actor import Actor
from keystone.exceptions import RequestRefused

TRIES = 5
ROLES = ("is_staff", "is_superuser")
# Where Django's ModelBackend keeps the permissions that it has read of a user.
PERMISSION_CACHES = ("_perm_cache", "_user_perm_cache", "_group_perm_cache")


class AccessEnded(RequestRefused):
    """The account that acts was signed out, deactivated or erased after its request arrived."""

    code = "invalid_token"
    status: ClassVar[int] = 401
    message: ClassVar[str | Promise] = _("You were signed out in the meantime. Sign in again.")


class PermissionLost(RequestRefused):
    """The account that acts lost the permission after its request arrived."""

    code = "permission_denied"
    status: ClassVar[int] = 403
    message: ClassVar[str | Promise] = _("You may not do this.")


def lock_actor(by: Actor) -> None:
    """Lock the account that acts and judge it again. Call it first in the transaction of what `by` does.

    Commands, jobs and the system have no account; nothing is done for them. A function that locks other accounts too
    calls `lock_accounts` instead, which locks all of them in one order.

    Raises:
        AccessEnded: their access has ended since the request arrived.
        PermissionLost: they do not hold the permission any more.
    """
    if by.user is not None:
        lock_accounts((), by=by)


def lock_accounts(ids: Collection[Any], *, by: Actor) -> list[Any]:
    """Lock these accounts and the one that acts, and judge that one again.

    While somebody else has one of the rows, none is kept locked: a request that waits must not hold up the one that
    ends the access of its caller. Two administrators who act on each other cannot block each other either.

    Returns:
        Those with the keys `ids`, in the order of their keys, as they now are.

    Raises:
        AccessEnded, PermissionLost: as `lock_actor`.
    """
    wanted = {*ids}
    if by.user is None:
        return list(_locked(wanted).values())
    rows = _all_or_none(wanted - {by.user.pk}, by.user.pk) if wanted - {by.user.pk} else _locked({by.user.pk})
    _judge(by, rows.get(by.user.pk))
    return [row for row in rows.values() if row.pk in wanted]


def _all_or_none(others: set[Any], actor: Any) -> dict[Any, Any]:
    """Lock the rows together. Where one is not free, wait for it without holding the others, and try again."""
    for _try in range(TRIES):
        try:
            with transaction.atomic():
                return _locked({*others, actor}, nowait=True)
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable):
                raise
        for keys in (others, {actor}):
            with transaction.atomic():
                _locked(keys)
                transaction.set_rollback(True)  # gives the locks back
    return _locked({*others, actor})  # there is a queue for the rows: stay in it


def _locked(keys: set[Any], *, nowait: bool = False) -> dict[Any, Any]:
    """The rows with these keys, locked in one order so that no two callers block each other."""
    people = get_user_model()._default_manager.filter(pk__in=keys).order_by("pk")
    return {row.pk: row for row in people.select_for_update(no_key=True, nowait=nowait)}


def _judge(by: Actor, row: Any) -> None:
    """Compare the account that acts with its row, and have its permissions read anew by whoever asks for them next."""
    if row is None or not row.is_active or row.access_version != by.user.access_version:
        raise AccessEnded
    if any(getattr(by.user, role) and not getattr(row, role) for role in ROLES):
        raise PermissionLost  # which ends access too, unless somebody wrote to the table by hand
    for name in PERMISSION_CACHES:
        with suppress(AttributeError):
            delattr(by.user, name)
    if by.permission and not by.user.has_perm(by.permission):
        raise PermissionLost
