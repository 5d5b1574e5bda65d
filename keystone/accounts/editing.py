"""Changes to an account other than transitions: names, the end of access, roles."""

from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from keystone.accounts import signals
from keystone.accounts.authority import (
    ROLES,
    LastSuperuser,
    OwnAccount,
    leaves_a_superuser,
    lock_for,
    lock_superusers_among,
    refusal_to_touch,
    refuse_to_grant,
)
from keystone.accounts.models import User
from keystone.accounts.names import composed, validate_name
from keystone.accounts.revoke_access import revoke_access
from keystone.accounts.send_signals import send_signal
from keystone.accounts.status import Status
from keystone.accounts.transition_rules import EndsInThePast
from keystone.actors.actor import Actor
from keystone.audit.log import event, record
from keystone.exceptions import Refusal

NAMES = ("first_name", "last_name")


class Unchanged:
    """The type of a default that keeps the current value, where None is a value itself."""


UNCHANGED: Final = Unchanged()


class SuperuserIsStaff(Refusal):
    """Superusers must be staff, since only staff may enter the admin."""

    code = "superuser_is_staff"
    status = 400
    message = _("A superuser must be staff too.")


class AccessEndsInThePast(EndsInThePast):
    """Access must end in the future. To end it at once, deactivate the account."""


def change_names(user: User, *, by: Actor, first_name: str | None = None, last_name: str | None = None) -> User:
    """Change a person's names; None keeps the current one. Nothing is written if nothing differs.

    Raises:
        ValidationError: a name is invalid (see `names.validate_name`).
        ProtectedAccount: `by` may not act on this person.
    """
    given = {"first_name": first_name, "last_name": last_name}
    values = {name: composed(value) for name, value in given.items() if value is not None}
    for value in values.values():
        validate_name(value)
    return _change(user, values, by=by)


def change_roles(user: User, *, by: Actor, is_staff: bool | None = None, is_superuser: bool | None = None) -> User:
    """Grant or revoke roles; None keeps the current one. Losing a role ends the person's sessions.

    Raises:
        ProtectedAccount: only superusers, commands, jobs and the system change roles.
        OwnAccount: administrators may not change their own roles.
        LastSuperuser: no active superuser would be left.
        SuperuserIsStaff: a superuser must be staff.
    """
    refuse_to_grant(by)
    given = {"is_staff": is_staff, "is_superuser": is_superuser}
    return _change(user, {name: value for name, value in given.items() if value is not None}, by=by)


def change_access_end(user: User, *, by: Actor, at: datetime | None) -> User:
    """Set when the account is deactivated automatically (`at`, UTC). None removes the end.

    Raises:
        AccessEndsInThePast: `at` is not in the future.
        OwnAccount: nobody sets the end of their own access.
        ProtectedAccount: `by` may not act on this person.
    """
    return _change(user, {"access_ends_at": at}, by=by)


@transaction.atomic
def change_user(
    user: User,
    *,
    by: Actor,
    first_name: str | None = None,
    last_name: str | None = None,
    is_staff: bool | None = None,
    is_superuser: bool | None = None,
    access_ends_at: datetime | Unchanged | None = UNCHANGED,
) -> User:
    """Call `change_names`, `change_roles` and `change_access_end` in one transaction: all or nothing."""
    if False in (is_staff, is_superuser):
        lock_superusers_among([user.pk])  # before the row, which the first of the three calls locks
    if not isinstance(access_ends_at, Unchanged):
        change_access_end(user, by=by, at=access_ends_at)
    if is_staff is not None or is_superuser is not None:
        change_roles(user, by=by, is_staff=is_staff, is_superuser=is_superuser)
    return change_names(user, by=by, first_name=first_name, last_name=last_name)


@transaction.atomic
def _change(user: User, values: dict[str, Any], *, by: Actor) -> User:
    if any(values.get(role) is False for role in ROLES):
        lock_superusers_among([user.pk])
    locked = lock_for(user, by=by)
    changes = {name: [getattr(locked, name), value] for name, value in values.items() if getattr(locked, name) != value}
    if not changes:
        return user
    is_own = by.user is not None and by.user.pk == user.pk
    refusal = None if is_own and set(changes) <= set(NAMES) else refusal_to_touch(locked, by=by)
    if refusal is not None:
        raise refusal
    if "access_ends_at" in changes:
        _judge_end(values["access_ends_at"], is_own=is_own)
    after = {role: values.get(role, getattr(locked, role)) for role in ROLES}
    if after["is_superuser"] and not after["is_staff"]:
        raise SuperuserIsStaff(fields={"is_staff": [str(SuperuserIsStaff.message)]})
    demoted = locked.is_superuser and not after["is_superuser"]
    if demoted and locked.status == Status.ACTIVE and not leaves_a_superuser([locked.pk]):
        raise LastSuperuser
    new = {name: change[1] for name, change in changes.items()}
    now = timezone.now()
    User.objects.filter(pk=user.pk).update(**new, updated_at=now)
    for name, value in {**new, "updated_at": now}.items():
        setattr(user, name, value)
    record([event(_action(set(changes)), user, by=by, changes=changes)])
    if any(change == [True, False] for name, change in changes.items() if name in ROLES):
        revoke_access([locked])
        user.access_version = locked.access_version
    send_signal(signals.user_changed, user, by=by)
    return user


def _judge_end(at: datetime | None, *, is_own: bool) -> None:
    if is_own:
        raise OwnAccount
    if at is not None and at <= timezone.now():
        raise AccessEndsInThePast(fields={"access_ends_at": [str(AccessEndsInThePast.message)]})


def _action(changed: set[str]) -> str:
    """Return the audit log action for a change of these fields."""
    if changed & set(ROLES):
        return "user.roles_changed"
    return "user.access_end_changed" if "access_ends_at" in changed else "user.changed"
