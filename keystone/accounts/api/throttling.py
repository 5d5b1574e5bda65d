"""Throttling of changes to one's own account, because the audit log keeps each of them forever."""

from typing import Any

from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from keystone.accounts.models import User
from keystone.api.permissions import IsSuperuser, StaffWithPermission
from keystone.throttling.limits import count_change


class OwnChangesThrottle(BaseThrottle):
    """Throttle that counts what a signed-in person writes, in every view except those for administrators.

    A view that writes nothing of the person's own turns it off with its `throttle_classes`.
    """

    def allow_request(self, request: Request, view: Any) -> bool:
        """Return True unless the limit is reached.

        Raises:
            TooManyAttempts: the limit is reached.
        """
        of_administrators = any(
            isinstance(permission, type) and issubclass(permission, (IsSuperuser, StaffWithPermission))
            for permission in view.permission_classes
        )
        if request.method not in SAFE_METHODS and isinstance(request.user, User) and not of_administrators:
            count_change(address=request.user.email)
        return True
