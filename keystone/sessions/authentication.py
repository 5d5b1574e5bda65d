"""The DRF authentication class for access tokens."""

from rest_framework.authentication import get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication

from keystone.accounts.expiry import apply_expiry
from keystone.accounts.models import User
from keystone.sessions.models import Session
from keystone.sessions.tokens import AccessToken, Claims, TokenRefused, decode


class SessionTokenAuthentication(JWTAuthentication):
    """simplejwt's `Authorization: Bearer <access token>` (RFC 6750), for a session that is still open.

    One query: the session, joined with its person. Whatever ended the session, or made the account other than active,
    holds from the next request on.
    """

    def authenticate(self, request: Request) -> tuple[User, Session] | None:  # type: ignore[override]  # not the token
        """The person and their session; None where the request carries no bearer token.

        Raises:
            AuthenticationFailed: the token does not hold.
        """
        raw_token = self.get_raw_token(get_authorization_header(request))
        if raw_token is None:
            return None
        try:
            claims = decode(AccessToken, raw_token)
        except TokenRefused:
            raise self._refusal() from None
        session = self.get_session(claims)
        return session.user, session

    def get_raw_token(self, header: bytes) -> bytes | None:
        """The token. The scheme may be written in any case (RFC 9110, section 11.1)."""
        scheme, _, token = header.partition(b" ")
        return token.strip() if scheme.lower() == b"bearer" else None

    def get_session(self, claims: Claims) -> Session:
        """The session that a token names, with its person.

        Raises:
            AuthenticationFailed: it has ended, or the account is not active any more.
        """
        live = Session.objects.live().select_related("user")
        session = live.filter(pk=claims.session_id, user_id=claims.user_id).first()
        if session is None or not self._holds(session.user, claims):
            raise self._refusal()
        return session

    def authenticate_header(self, request: Request) -> str:
        """What a 401 asks for; to a token that does not hold it says so (RFC 6750, section 3)."""
        given = self.get_raw_token(get_authorization_header(request)) is not None
        return 'Bearer realm="api", error="invalid_token"' if given else 'Bearer realm="api"'

    def _holds(self, user: User, claims: Claims) -> bool:
        return apply_expiry(user).is_active and user.access_version == claims.version

    def _refusal(self) -> AuthenticationFailed:
        return AuthenticationFailed(TokenRefused.message, code="invalid_token")
