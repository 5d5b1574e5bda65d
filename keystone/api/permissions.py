"""Permission classes. `IsAuthenticated` is the default: an active account with a live session.

What only administrators may do takes their second factor where one is required, as the admin does.
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
    """An administrator must set a second factor up before they act as one."""

    code = "second_factor_missing"
    status: ClassVar[int] = 403
    message: ClassVar[str | Promise] = _("Set up two-factor sign-in first, in the admin.")


def acting(request: Request, view: Any) -> Actor:
    """The administrator behind a request that `StaffWithPermission` let pass, with the permission that it asked for."""
    user: Any = request.user
    return Actor.administrator(user, permission=_permission_for(request, view) or "")


class IsSuperuser(BasePermission):
    """Superusers only."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether the caller is one.

        Raises:
            SecondFactorMissing: they are, and have no second factor where one is required.
        """
        if not (request.user.is_authenticated and request.user.is_superuser):
            return False
        require_second_factor(request.user)
        return True


class StaffWithPermission(BasePermission):
    """Staff who hold the model permission that the view's `permissions_by_action` names for the action.

    A view without actions names the method: `{"get": "app.view_thing"}`. What is not named is refused to everybody.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether the caller is staff and holds it.

        Raises:
            SecondFactorMissing: they do, and have no second factor where one is required.
        """
        user = request.user
        if not (user.is_authenticated and user.is_staff):
            return False
        if _action(request, view) in {None, "metadata", "options"}:  # an unsupported method, answered by 405; OPTIONS
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
    """The model permission that the view asks for; None where it names none."""
    permission: str | None = getattr(view, "permissions_by_action", {}).get(_action(request, view))
    return permission


def require_second_factor(user: Any) -> None:
    """Let administrators pass who have set up a second factor, or need none.

    Raises:
        SecondFactorMissing: one is required, and they have none.
    """
    if options().two_factor_required and not user_has_device(user):
        raise SecondFactorMissing
