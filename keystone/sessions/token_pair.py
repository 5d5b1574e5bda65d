"""The pair of tokens that login and refresh return."""

import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from keystone.accounts.models import User
from keystone.conf import options
from keystone.sessions.models import Session
from keystone.sessions.tokens import AccessToken, RefreshToken, encode

TOKEN_ID_BYTES = 24  # 192 random bits


@dataclass(frozen=True)
class TokenPair:
    """An access token and a refresh token, as returned by a sign-in."""

    access: str
    refresh: str


def new_token_id() -> str:
    """Return a random id for a refresh token."""
    return secrets.token_urlsafe(TOKEN_ID_BYTES)


def sign_pair(session: Session, user: User, token_id: str, *, now: datetime) -> TokenPair:
    """Sign an access token and the refresh token `token_id` for a session of `user`.

    Both contain the session and the account's access version, so that neither outlives them.
    """
    owner: dict[str, Any] = {
        "session_id": session.pk,
        "user_id": user.pk,
        "version": user.access_version,
        "now": now,
    }
    access_end = min(now + options().access_token_lifetime, session.expires_at)
    return TokenPair(
        access=encode(AccessToken, token_id=uuid.uuid4().hex, expires_at=access_end, **owner),
        refresh=encode(RefreshToken, token_id=token_id, expires_at=session.expires_at, **owner),
    )
