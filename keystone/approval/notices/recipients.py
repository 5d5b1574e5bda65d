"""The recipients of notices: staff who may decide, according to their own setting."""

from django.contrib.auth.models import Permission
from django.db.models import Q

from keystone.accounts import transition_rules
from keystone.accounts.managers import UserQuerySet
from keystone.accounts.models import User
from keystone.accounts.preferences import ApprovalNotices, default_notices, notices_of
from keystone.accounts.status import Status

APPROVE = transition_rules.APPROVE.permission
SUSPEND = transition_rules.SUSPEND.permission

# People who have left are seen on the pages of people, so notices about them also need the permission to view those.
ALSO = {SUSPEND: "keystone.view_user"}


def who_may(*permissions: str) -> UserQuerySet:
    """Return active staff with one of these permissions, directly or through a group, and active superusers.

    It is one query that uses the indexes on who holds a permission, and doesn't scan the accounts.
    """
    either = Q()
    for permission in permissions:
        held = _holders(permission)
        either |= held & _holders(ALSO[permission]) if permission in ALSO else held
    people: UserQuerySet = User.objects.filter(either, status=Status.ACTIVE, is_staff=True)
    return people


def _holders(permission: str) -> Q:
    app_label, _, codename = permission.partition(".")
    held = Permission.objects.filter(content_type__app_label=app_label, codename=codename).values("pk")
    everybody = User.objects.order_by().values("pk")
    by_themselves = everybody.filter(user_permissions__in=held)
    by_group = everybody.filter(groups__permissions__in=held)
    superusers = everybody.filter(is_superuser=True)
    return Q(pk__in=superusers.union(by_themselves, by_group))


def with_setting(people: UserQuerySet, setting: ApprovalNotices) -> UserQuerySet:
    """Return those of `people` who have this setting. The default applies to people who chose none."""
    chosen = Q(preferences__approval_notices=setting)
    if default_notices() == setting:
        chosen |= Q(preferences__isnull=True)
    return people.filter(chosen)


def may(user: User, permission: str) -> bool:
    """Return whether a user may do this now, by the same rules as `who_may`."""
    needed = [permission, ALSO[permission]] if permission in ALSO else [permission]
    return user.is_active and user.is_staff and user.has_perms(needed)


def is_told(user: User, setting: ApprovalNotices) -> bool:
    """Return whether an email of this setting is still wanted when it is about to be sent."""
    return user.is_active and notices_of(user) == setting
