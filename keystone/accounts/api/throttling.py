"""Throttling of changes to one's own account: the audit log keeps each of them for ever."""

from typing import Any

from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from keystone.accounts.models import User
from keystone.api.permissions import IsSuperuser, StaffWithPermission
from keystone.throttling.limits import count_change


class OwnChangesThrottle(BaseThrottle):
    """Counts what a signed-in person writes, in every view but those of administrators.

    A view that writes nothing of one's own takes it off by its `throttle_classes`.
    """

    def allow_request(self, request: Request, view: Any) -> bool:
        """Whether the request may go on: it may, unless the limit is reached.

        Raises:
            TooManyAttempts: it is.
        """
        of_administrators = any(
            isinstance(permission, type) and issubclass(permission, (IsSuperuser, StaffWithPermission))
            for permission in view.permission_classes
        )
        if request.method not in SAFE_METHODS and isinstance(request.user, User) and not of_administrators:
            count_change(address=request.user.email)
        return True
