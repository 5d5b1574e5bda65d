"""Reading the access token of a request."""

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from keystone.accounts.expiry import apply_expiry
from keystone.accounts.models import User
from keystone.sessions.models import Session
from keystone.sessions.tokens import ACCESS, TokenRefused, decode


class SessionTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <access token>` (RFC 6750). One query: the session, joined with its person.

    Whatever ended the session, or made the account other than active, holds from the next request on.
    """

    def authenticate(self, request: Request) -> tuple[User, Session] | None:
        """The person and their session; None where the request carries no bearer token.

        Raises:
            AuthenticationFailed: the token does not hold.
        """
        scheme, _, token = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        try:
            claims = decode(ACCESS, token.strip().decode("ascii"))
        except (TokenRefused, UnicodeDecodeError):
            raise AuthenticationFailed(TokenRefused.message, code="invalid_token") from None
        session = (
            Session.objects.live().select_related("user").filter(pk=claims.session_id, user_id=claims.user_id).first()
        )
        if session is None or not apply_expiry(session.user).is_active or session.user.access_version != claims.version:
            raise AuthenticationFailed(TokenRefused.message, code="invalid_token")
        return session.user, session

    def authenticate_header(self, request: Request) -> str:
        """What a 401 asks for; to a token that does not hold it says so (RFC 6750, section 3)."""
        given = get_authorization_header(request).lower().startswith(b"bearer")
        return 'Bearer realm="api", error="invalid_token"' if given else 'Bearer realm="api"'
