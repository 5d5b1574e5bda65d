"""Permission classes. The default is `IsAuthenticated`: an active account with a valid session.

Like the admin, the classes for administrators require a second factor if `TWO_FACTOR_REQUIRED` is set.
"""

from typing import Any, ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django_otp import user_has_device
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from keystone.actors.actor import Actor
from keystone.conf import options
from keystone.exceptions import Refusal


class SecondFactorMissing(Refusal):
    """An administrator must set up a second factor first."""

    code = "second_factor_missing"
    status: ClassVar[int] = 403
    message: ClassVar[str | Promise] = _("Set up two-factor sign-in first, in the admin.")


def acting(request: Request, view: Any) -> Actor:
    """Return the administrator behind a request that `StaffWithPermission` allowed, with the checked permission."""
    user: Any = request.user
    return Actor.administrator(user, permission=_permission_for(request, view) or "")


class IsSuperuser(BasePermission):
    """Allows superusers only."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Return whether the caller is a superuser.

        Raises:
            SecondFactorMissing: they are, but lack a required second factor.
        """
        if not (request.user.is_authenticated and request.user.is_superuser):
            return False
        require_second_factor(request.user)
        return True


class StaffWithPermission(BasePermission):
    """Allows staff with the permission that the view's `permissions_by_action` names for the action.

    A view without actions names the method: `{"get": "app.view_thing"}`. Unnamed actions are refused to everybody.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        """Return whether the caller is staff and has the permission.

        Raises:
            SecondFactorMissing: they have it, but lack a required second factor.
        """
        user = request.user
        if not (user.is_authenticated and user.is_staff):
            return False
        if _action(request, view) in {None, "metadata", "options"}:  # an unsupported method (405) or OPTIONS
            return True
        permission = _permission_for(request, view)
        if permission is None or not user.has_perm(permission):
            return False
        require_second_factor(user)
        return True


def _action(request: Request, view: Any) -> str | None:
    action: str | None = getattr(view, "action", str(request.method).lower())
    return action


def _permission_for(request: Request, view: Any) -> str | None:
    """Return the permission that the view requires; None if it names none."""
    permission: str | None = getattr(view, "permissions_by_action", {}).get(_action(request, view))
    return permission


def require_second_factor(user: Any) -> None:
    """Raise an exception if a second factor is required and the user has none.

    Raises:
        SecondFactorMissing: a second factor is required and the user has none.
    """
    if options().two_factor_required and not user_has_device(user):
        raise SecondFactorMissing
