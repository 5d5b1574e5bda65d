"""The JWTs: short-lived access tokens and single-use refresh tokens, each naming its session.

djangorestframework-simplejwt makes and checks them by the settings SIMPLE_JWT. Two things are ours: the keys, which are
derived from SECRET_KEY and, while keys are rotated, from SECRET_KEY_FALLBACKS, and the claims that name the session.
"""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime
from functools import cache
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
    """The token is malformed, expired, used, or its session has ended; which of these is not told."""

    code = "invalid_token"
    status = 401
    message = _("This token is not valid. Sign in again.")


class TokenExpired(TokenRefused):
    """We signed it, and its time is over. The answer is that of `TokenRefused`."""


@dataclass(frozen=True)
class Claims:
    """What a checked token says."""

    session_id: uuid.UUID
    user_id: uuid.UUID
    version: int
    token_id: str


class RotatingKeysBackend(TokenBackend):
    """Signs with the key of SECRET_KEY, and checks with the one that the token's `kid` names."""

    def encode(self, payload: dict[str, Any]) -> str:
        """Sign a token, whose header names its key and its type."""
        key = _keys()[0]
        header = {"typ": HEADER_TYPES[payload[api_settings.TOKEN_TYPE_CLAIM]], "kid": _key_id(key)}
        claims = {**payload, "iss": self.issuer, "aud": self.audience}
        return jwt.encode(claims, key, algorithm=self.algorithm, headers=header)

    def decode(self, token: Any, verify: bool = True) -> dict[str, Any]:  # noqa: FBT001, FBT002 - simplejwt's
        """Check a token's signature, issuer, audience and end.

        When it was signed is not checked: clocks of our own machines differ by seconds, and nobody else signs.

        Raises:
            TokenBackendExpiredToken: we signed it, and it has expired.
            TokenBackendError: it does not hold for another reason.
        """
        try:
            named = jwt.get_unverified_header(token).get("kid")
            key = next(key for key in _keys() if _key_id(key) == named)
            options: Any = {"require": REQUIRED, "verify_iat": False, "verify_signature": verify}
            claims: dict[str, Any] = jwt.decode(
                token, key, algorithms=[self.algorithm], audience=self.audience, issuer=self.issuer, options=options
            )
        except jwt.ExpiredSignatureError as error:
            raise TokenBackendExpiredToken(str(error)) from error
        except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError, StopIteration, RecursionError) as error:
            raise TokenBackendError(str(error)) from error
        return claims


class SessionToken(Token):
    """A token that names a session, its person, and the version of their account."""

    @property
    def token_backend(self) -> TokenBackend:
        """The backend of our keys."""
        return _backend()

    @property
    def claims(self) -> Claims:
        """What it says.

        Raises:
            TokenError: a claim is none of ours.
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
    """What a request is made with."""

    token_type = "access"  # noqa: S105 - a claim
    lifetime = api_settings.ACCESS_TOKEN_LIFETIME


class RefreshToken(SessionToken):
    """What is traded for a new pair, once."""

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
    """Sign a token that works until `expires_at`.

    Args:
        version: the account's version; whatever ends access counts it up, and the token ends with it.
    """
    token = kind()
    token[api_settings.USER_ID_CLAIM] = str(user_id)
    token[api_settings.JTI_CLAIM] = token_id
    token["sid"], token["ver"] = str(session_id), version
    token.set_iat(at_time=now)
    token.set_exp(from_time=now, lifetime=expires_at - now)
    return str(token)


def decode(kind: type[SessionToken], token: str | bytes) -> Claims:
    """Check a token and return what it says.

    Raises:
        TokenExpired: we signed it, and it has expired.
        TokenRefused: it does not hold for another reason.
    """
    raw: Any = token
    try:
        return kind(raw).claims
    except ExpiredTokenError as error:
        raise TokenExpired from error
    except TokenError as error:
        raise TokenRefused from error


def token_digest(token_id: str) -> str:
    """What the database holds of a refresh token: the SHA-256 of its random id."""
    return hashlib.sha256(token_id.encode()).hexdigest()


@cache
def _backend() -> TokenBackend:
    return RotatingKeysBackend(api_settings.ALGORITHM, audience=api_settings.AUDIENCE, issuer=api_settings.ISSUER)


def _keys() -> list[bytes]:
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return [
        salted_hmac("keystone.sessions.tokens", "v1", secret=secret, algorithm="sha256").digest() for secret in secrets
    ]


def _key_id(key: bytes) -> str:
    return hashlib.sha256(b"kid" + key).hexdigest()[:12]
