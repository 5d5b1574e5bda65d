"""Permission classes. `IsAuthenticated` is the default: an active account with a live session."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from keystone.accounts.models import User


def person(request: Request) -> User:
    """The person behind a request that a permission class let pass."""
    user = request.user
    assert isinstance(user, User)  # noqa: S101 - a view without a permission class is a programming error
    return user


class IsSuperuser(BasePermission):
    """Superusers only."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether the caller is one."""
        return request.user.is_authenticated and request.user.is_superuser


class StaffWithPermission(BasePermission):
    """Staff who hold the model permission that the view's `permissions_by_action` names for the action.

    An action that it does not name is refused to everybody.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether the caller is staff and holds it."""
        user = request.user
        if not (user.is_authenticated and user.is_staff):
            return False
        if view.action in {None, "metadata"}:  # an unsupported method, answered by 405; OPTIONS
            return True
        permission = view.permissions_by_action.get(view.action)
        return permission is not None and user.has_perm(permission)
