"""The JWTs: short-lived access tokens and single-use refresh tokens, each naming its session.

djangorestframework-simplejwt creates and checks them according to the setting SIMPLE_JWT. We add the keys, which are
derived from SECRET_KEY and, during key rotation, from SECRET_KEY_FALLBACKS, and the claims that name the session.
"""

import hashlib
import time
import uuid
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

import jwt
from django.conf import settings
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import (
    ExpiredTokenError,
    TokenBackendError,
    TokenBackendExpiredToken,
    TokenError,
)
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import Token

from keystone.exceptions import Refusal

REQUIRED = ["iss", "aud", "sub", "sid", "ver", "jti", "iat", "exp"]
HEADER_TYPES = {"access": "at+jwt", "refresh": "rt+jwt"}  # the first by RFC 9068, section 2.1


class TokenRefused(Refusal):
    """The token is malformed, expired or used, or its session was revoked. The response does not say which."""

    code = "invalid_token"
    status = 401
    message = _("This token is not valid. Sign in again.")


class TokenExpired(TokenRefused):
    """The token was signed by us but has expired. The response is that of `TokenRefused`."""


@dataclass(frozen=True)
class Claims:
    """The claims of a verified token."""

    session_id: uuid.UUID
    user_id: uuid.UUID
    version: int
    token_id: str


class RotatingKeysBackend(TokenBackend):
    """A backend that signs with the key from SECRET_KEY, and verifies with the key that the token's `kid` names."""

    def encode(self, payload: dict[str, Any]) -> str:
        """Sign a token. Its header names its key and its type."""
        key = _keys()[0]
        header = {"typ": HEADER_TYPES[payload[api_settings.TOKEN_TYPE_CLAIM]], "kid": _key_id(key)}
        claims = {**payload, "iss": self.issuer, "aud": self.audience}
        return jwt.encode(claims, key, algorithm=self.algorithm, headers=header)

    def decode(self, token: Any, verify: bool = True) -> dict[str, Any]:  # noqa: FBT001, FBT002 - simplejwt's
        """Verify a token's signature, issuer, audience and expiry.

        The time of signing is not checked: the clocks of our machines may differ by seconds, and nobody else signs.

        Raises:
            TokenBackendExpiredToken: the token was signed by us but has expired.
            TokenBackendError: the token is invalid for another reason.
        """
        try:
            audience: Any = self.audience
            claims = _verified(token, tuple(_keys()), self.algorithm, audience, self.issuer, verify)
            if verify and claims["exp"] <= time.time():
                raise TokenBackendExpiredToken("The token has expired.")
        except jwt.ExpiredSignatureError as error:
            raise TokenBackendExpiredToken(str(error)) from error
        except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError, StopIteration, RecursionError) as error:
            raise TokenBackendError(str(error)) from error
        return dict(claims)


class SessionToken(Token):
    """A token that names a session, its user, and the version of their account."""

    @property
    def token_backend(self) -> TokenBackend:
        return _backend()

    @property
    def claims(self) -> Claims:
        """The claims of the token.

        Raises:
            TokenError: a claim is malformed.
        """
        try:
            return Claims(
                session_id=uuid.UUID(self["sid"]),
                user_id=uuid.UUID(self[api_settings.USER_ID_CLAIM]),
                version=int(self["ver"]),
                token_id=str(self[api_settings.JTI_CLAIM]),
            )
        except (ValueError, TypeError, AttributeError) as error:
            raise TokenError(str(error)) from error


class AccessToken(SessionToken):
    """A token that authenticates requests."""

    token_type = "access"  # noqa: S105 - a claim
    lifetime = api_settings.ACCESS_TOKEN_LIFETIME


class RefreshToken(SessionToken):
    """A token that can be traded for a new pair, once."""

    token_type = "refresh"  # noqa: S105 - a claim
    lifetime = api_settings.REFRESH_TOKEN_LIFETIME


def encode(
    kind: type[SessionToken],
    *,
    session_id: uuid.UUID,
    user_id: uuid.UUID,
    version: int,
    token_id: str,
    expires_at: datetime,
    now: datetime,
) -> str:
    """Sign a token that is valid until `expires_at`.

    Args:
        version: the account's access version. Revoking access increments it, which invalidates the token.
    """
    token = kind()
    token[api_settings.USER_ID_CLAIM] = str(user_id)
    token[api_settings.JTI_CLAIM] = token_id
    token["sid"], token["ver"] = str(session_id), version
    token.set_iat(at_time=now)
    token.set_exp(from_time=now, lifetime=expires_at - now)
    return str(token)


def decode(kind: type[SessionToken], token: str | bytes) -> Claims:
    """Verify a token and return its claims.

    Raises:
        TokenExpired: the token was signed by us but has expired.
        TokenRefused: the token is invalid for another reason.
    """
    raw: Any = token
    try:
        return kind(raw).claims
    except ExpiredTokenError as error:
        raise TokenExpired from error
    except TokenError as error:
        raise TokenRefused from error


def token_digest(token_id: str) -> str:
    """Return what the database stores of a refresh token: the SHA-256 digest of its random id."""
    return hashlib.sha256(token_id.encode()).hexdigest()


@cache
def _backend() -> TokenBackend:
    return RotatingKeysBackend(api_settings.ALGORITHM, audience=api_settings.AUDIENCE, issuer=api_settings.ISSUER)


@lru_cache(maxsize=4_096)
def _verified(
    token: Any,
    keys: tuple[bytes, ...],
    algorithm: str,
    audience: Any,
    issuer: str | None,
    verify: bool,  # noqa: FBT001 - positional as in simplejwt
) -> dict[str, Any]:
    """Return the claims of a token that we have signed, from memory if it was verified before.

    The signature of a token always verifies alike, so a client's next request need not compute it again. Refused tokens
    are not remembered. The caller must compare the expiry with the time.
    """
    named = jwt.get_unverified_header(token).get("kid")
    key = next(key for key in keys if _key_id(key) == named)
    options: Any = {"require": REQUIRED, "verify_iat": False, "verify_signature": verify}
    claims: dict[str, Any] = jwt.decode(
        token, key, algorithms=[algorithm], audience=audience, issuer=issuer, options=options
    )
    return claims


def _keys() -> list[bytes]:
    return [_key(secret) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]


@lru_cache(maxsize=16)
def _key(secret: str) -> bytes:
    return salted_hmac("keystone.sessions.tokens", "v1", secret=secret, algorithm="sha256").digest()


def _key_id(key: bytes) -> str:
    return hashlib.sha256(b"kid" + key).hexdigest()[:12]
