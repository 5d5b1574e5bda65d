"""Authentication of the browsable API by Django's session, second factor included."""

from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request

from keystone.accounts.models import User
from keystone.sign_in.session_state import session_state_of


class BrowserSessionAuthentication(SessionAuthentication):
    """Takes the person of Django's session, guarded against forged requests, as DRF does.

    Somebody who has a second factor and has not shown it in this session, and staff who must set one up, are taken for
    nobody. It costs a query more than DRF's own.
    """

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        """The person of the session; None where there is none, or one who has to do something first.

        Raises:
            PermissionDenied: the request may have been forged by another site.
        """
        signed_in: tuple[User, None] | None = super().authenticate(request)
        return signed_in if signed_in is None or session_state_of(request._request).is_enough else None
