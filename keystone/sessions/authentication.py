"""The DRF authentication class for access tokens."""

import uuid

from rest_framework.authentication import get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication

from keystone.accounts.expiry import apply_expiry
from keystone.accounts.models import User
from keystone.database.compiled_query import CompiledQuery
from keystone.sessions.models import Session
from keystone.sessions.tokens import AccessToken, Claims, TokenRefused, decode

LIVE_SESSION = CompiledQuery(
    lambda key, user: Session.objects.live().select_related("user").filter(pk=key, user_id=user).order_by(),
    *(uuid.UUID(int=number) for number in (1, 2)),
)


class SessionTokenAuthentication(JWTAuthentication):
    """simplejwt's authentication by `Authorization: Bearer <access token>` (RFC 6750), for open sessions only.

    This takes one query for the session and its user. If the session ends, or the account is no longer active, the next
    request is refused.
    """

    def authenticate(self, request: Request) -> tuple[User, Session] | None:  # type: ignore[override]  # not the token
        """Return the user and their session; None if the request has no bearer token.

        Raises:
            AuthenticationFailed: the token is not valid.
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
        """Return the token. The scheme is case-insensitive (RFC 9110, section 11.1)."""
        scheme, _, token = header.partition(b" ")
        return token.strip() if scheme.lower() == b"bearer" else None

    def get_session(self, claims: Claims) -> Session:
        """Return the session that a token names, with its user.

        Raises:
            AuthenticationFailed: the session has ended, or the account is no longer active.
        """
        session = LIVE_SESSION.get(claims.session_id, claims.user_id)
        if session is None or not self._holds(session.user, claims):
            raise self._refusal()
        return session

    def authenticate_header(self, request: Request) -> str:
        """Return the `WWW-Authenticate` header of a 401, with an error for an invalid token (RFC 6750, section 3)."""
        given = self.get_raw_token(get_authorization_header(request)) is not None
        return 'Bearer realm="api", error="invalid_token"' if given else 'Bearer realm="api"'

    def _holds(self, user: User, claims: Claims) -> bool:
        return apply_expiry(user).is_active and user.access_version == claims.version

    def _refusal(self) -> AuthenticationFailed:
        return AuthenticationFailed(TokenRefused.message, code="invalid_token")
