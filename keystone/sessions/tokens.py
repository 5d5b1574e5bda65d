"""The JWTs: short-lived access tokens and single-use refresh tokens, each naming its session.

Keys come from SECRET_KEY and, while keys are being rotated, SECRET_KEY_FALLBACKS: tokens are signed with the first
and checked with the one that their `kid` names. The claims follow RFC 7519, the access token's header RFC 9068.
"""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import jwt
from django.conf import settings
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from keystone.exceptions import Refusal

ALGORITHM = "HS256"
ISSUER = "keystone"
AUDIENCE = "keystone-api"
ACCESS, REFRESH = "at+jwt", "rt+jwt"


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


def encode(
    kind: str,
    *,
    session_id: uuid.UUID,
    user_id: uuid.UUID,
    version: int,
    token_id: str,
    expires_at: datetime,
    now: datetime,
) -> str:
    """Sign a token of `kind` (ACCESS or REFRESH) that works until `expires_at`.

    Args:
        version: the account's version; whatever ends access counts it up, and the token ends with it.
    """
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(user_id),
        "sid": str(session_id),
        "ver": version,
        "jti": token_id,
        "iat": now,
        "exp": expires_at,
    }
    key = _keys()[0]
    return jwt.encode(claims, key, algorithm=ALGORITHM, headers={"typ": kind, "kid": _key_id(key)})


def decode(kind: str, token: str) -> Claims:
    """Check a token's signature, kind, issuer, audience and end.

    When it was signed is not checked: clocks of our own machines differ by seconds, and nobody else signs.

    Raises:
        TokenExpired: we signed it, and it has expired.
        TokenRefused: it does not hold for another reason.
    """
    try:
        header = jwt.get_unverified_header(token)
        key = next(key for key in _keys() if _key_id(key) == header.get("kid"))
        if header.get("typ") != kind:
            raise TokenRefused
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            options={"require": ["iss", "aud", "sub", "sid", "ver", "jti", "iat", "exp"], "verify_iat": False},
        )
        return Claims(
            session_id=uuid.UUID(claims["sid"]),
            user_id=uuid.UUID(claims["sub"]),
            version=int(claims["ver"]),
            token_id=str(claims["jti"]),
        )
    except jwt.ExpiredSignatureError as error:
        raise TokenExpired from error
    except (
        jwt.InvalidTokenError,
        ValueError,
        TypeError,
        AttributeError,
        StopIteration,
        RecursionError,
    ) as error:
        raise TokenRefused from error


def token_digest(token_id: str) -> str:
    """What the database holds of a refresh token: the SHA-256 of its random id."""
    return hashlib.sha256(token_id.encode()).hexdigest()


def _keys() -> list[bytes]:
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return [
        salted_hmac("keystone.sessions.tokens", "v1", secret=secret, algorithm="sha256").digest() for secret in secrets
    ]


def _key_id(key: bytes) -> str:
    return hashlib.sha256(b"kid" + key).hexdigest()[:12]
