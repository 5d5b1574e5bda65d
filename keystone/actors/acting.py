"""Lock the acting account and check its rights again, inside the transaction of its action.

A request's rights are checked when it arrives. While it waits for a row, a lock or a password hash, the account may be
suspended or lose a permission. So every function that acts for a user first locks their row and checks them again.
Ending access waits for this lock.
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
# The attributes in which Django's ModelBackend caches a user's permissions.
PERMISSION_CACHES = ("_perm_cache", "_user_perm_cache", "_group_perm_cache")


class AccessEnded(RequestRefused):
    """The acting account was signed out, deactivated or erased after its request arrived."""

    code = "invalid_token"
    status: ClassVar[int] = 401
    message: ClassVar[str | Promise] = _("You were signed out in the meantime. Sign in again.")


class PermissionLost(RequestRefused):
    """The acting account lost the permission after its request arrived."""

    code = "permission_denied"
    status: ClassVar[int] = 403
    message: ClassVar[str | Promise] = _("You do not have permission to do this.")


def lock_actor(by: Actor) -> None:
    """Lock the acting account and check its rights again. Call it first in the transaction of the action.

    It does nothing for commands, jobs and the system, which have no account. Functions that also lock other accounts
    call `lock_accounts` instead, which locks all of them in the same order.

    Raises:
        AccessEnded: the account's access has ended since the request arrived.
        PermissionLost: the account no longer has the permission.
    """
    if by.user is not None:
        lock_accounts((), by=by)


def lock_accounts(ids: Collection[Any], *, by: Actor) -> list[Any]:
    """Lock these accounts and the acting one, and check the acting account's rights again.

    No row stays locked while another one is unavailable: a waiting request must not block the one that ends its
    caller's access. Two administrators who act on each other can't deadlock either.

    Returns:
        The accounts with the primary keys `ids`, ordered by key, freshly read.

    Raises:
        AccessEnded, PermissionLost: as in `lock_actor`.
    """
    wanted = {*ids}
    if by.user is None:
        return list(_locked(wanted).values())
    rows = _all_or_none(wanted - {by.user.pk}, by.user.pk) if wanted - {by.user.pk} else _locked({by.user.pk})
    _judge(by, rows.get(by.user.pk))
    return [row for row in rows.values() if row.pk in wanted]


def _all_or_none(others: set[Any], actor: Any) -> dict[Any, Any]:
    """Lock the rows together. If one is not available, wait for it without holding the others, and try again."""
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
                transaction.set_rollback(True)  # releases the locks
    return _locked({*others, actor})  # the rows are in demand: keep the place in the queue


def _locked(keys: set[Any], *, nowait: bool = False) -> dict[Any, Any]:
    """Return the rows with these primary keys, locked in a fixed order to prevent deadlocks."""
    people = get_user_model()._default_manager.filter(pk__in=keys).order_by("pk")
    return {row.pk: row for row in people.select_for_update(no_key=True, nowait=nowait)}


def _judge(by: Actor, row: Any) -> None:
    """Compare the acting account with its row, reset its permission caches, and check its permission."""
    if row is None or not row.is_active or row.access_version != by.user.access_version:
        raise AccessEnded
    if any(getattr(by.user, role) and not getattr(row, role) for role in ROLES):
        raise PermissionLost  # removing a role also ends access, unless the table was edited by hand
    for name in PERMISSION_CACHES:
        with suppress(AttributeError):
            delattr(by.user, name)
    if by.permission and not by.user.has_perm(by.permission):
        raise PermissionLost
