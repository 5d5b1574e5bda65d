"""Authenticate the browsable API by Django's session, including the second factor."""

from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request

from keystone.accounts.models import User
from keystone.sign_in.session_state import session_state_of


class BrowserSessionAuthentication(SessionAuthentication):
    """DRF's session authentication with CSRF protection, extended by the second factor.

    A user who has a second factor but has not used it in this session counts as anonymous. So do staff who must set one
    up. This costs one query more than DRF's own class.
    """

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        """Return the user of the session; None if there is none or if the second factor is missing.

        Raises:
            PermissionDenied: the CSRF check failed.
        """
        signed_in: tuple[User, None] | None = super().authenticate(request)
        return signed_in if signed_in is None or session_state_of(request._request).is_enough else None
