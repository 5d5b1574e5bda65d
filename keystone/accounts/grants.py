"""Grant and revoke groups and permissions. Superusers only; audited."""

from collections.abc import Collection
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db import transaction

from keystone.accounts.authority import lock_for, refusal_to_touch, refuse_to_grant
from keystone.accounts.models import User
from keystone.actors.actor import Actor
from keystone.audit.log import event, record


def change_grants(
    user: User,
    *,
    by: Actor,
    groups: Collection[Group] | None = None,
    permissions: Collection[Permission] | None = None,
) -> User:
    """Set a person's groups and permissions; None keeps them. Nothing is written if nothing differs.

    They apply from the person's next request on, since each request reads the permissions again.

    Raises:
        ProtectedAccount: only superusers, commands, jobs and the system grant them.
        OwnAccount: administrators may not change their own.
        UserNotFound: the account no longer exists.
    """
    refuse_to_grant(by)
    with transaction.atomic():
        locked = lock_for(user, by=by)
        refuse_to_grant(by)
        changes: dict[str, Any] = {}
        for name, given in (("groups", groups), ("user_permissions", permissions)):
            if given is None:
                continue
            before = _names(getattr(locked, name).all())
            after = _names(given)
            if before != after:
                changes[name] = [before, after]
        if not changes:
            return user
        refusal = refusal_to_touch(locked, by=by)
        if refusal is not None:
            raise refusal
        if groups is not None:
            locked.groups.set(groups)
        if permissions is not None:
            locked.user_permissions.set(permissions)
        record([event("user.roles_changed", user, by=by, changes=changes)])
    return user


def record_group(action: str, group: Group, *, by: Actor, before: dict[str, Any], after: dict[str, Any]) -> None:
    """Record a change of a group, if anything differs. Call it in the transaction of the change.

    Args:
        action: `group.created`, `group.changed` or `group.deleted`.
        before, after: what `group_state` returned; empty if the group doesn't exist.
    """
    keys = sorted({*before, *after})
    changes = {key: [before.get(key), after.get(key)] for key in keys if before.get(key) != after.get(key)}
    if changes:
        record([event(action, group, by=by, changes=changes)])


def group_state(group: Group) -> dict[str, Any]:
    """Return a group's name and permissions."""
    return {"name": group.name, "permissions": _names(group.permissions.all())}


def _names(rows: Any) -> list[str]:
    if hasattr(rows, "select_related") and rows.model is Permission:
        rows = rows.select_related("content_type")
    return sorted(
        f"{row.content_type.app_label}.{row.codename}" if isinstance(row, Permission) else str(row) for row in rows
    )
