"""Rotate refresh tokens: each works once, and a replay reveals theft.

This follows RFC 9700, section 4.14.2: if two clients present the same refresh token, one of them is a thief, and there
is no way to know which, so the session ends. A client that races itself is recognized by time: a token that comes back
within seconds is only refused.
"""

import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from keystone.accounts.emails import queue_email
from keystone.accounts.expiry import access_has_ended, apply_expiry
from keystone.accounts.models import User
from keystone.actors.actor import Actor
from keystone.audit.log import event, record
from keystone.observability.origin import current_origin
from keystone.sessions.models import Session
from keystone.sessions.token_pair import TokenPair, new_token_id, sign_pair
from keystone.sessions.tokens import Claims, RefreshToken, TokenExpired, TokenRefused, decode, token_digest
from keystone.throttling.limits import count_attempt

RACE = timedelta(seconds=10)


class TokenJustUsed(TokenRefused):
    """The token was traded within the last seconds, most likely by another tab of the browser. The session stays open.

    The status is 409, not 401: the client is still signed in and should use the pair that the other tab got.
    """

    code = "token_just_used"
    status = 409
    message = _("This token has just been used. Continue with the tokens that were issued then.")


def refresh(token: str) -> TokenPair:
    """Trade a refresh token for a new pair. A token works once: of several concurrent callers, one succeeds.

    A token that was traded before is refused. If that was more than `RACE` ago, the session is revoked, the audit log
    records it and the user is notified by mail. All of this is committed before the refusal is raised.

    Raises:
        TokenJustUsed: the token was traded within `RACE`; the session stays open.
        TokenRefused: the token or its session is no longer valid, or the account is no longer active.
        TooManyAttempts: too many tokens that we did not sign came from this IP address.
    """
    claims = signed_claims(token)
    for user in access_has_ended().filter(pk=claims.user_id):
        apply_expiry(user)  # before the session is locked, since a deactivation locks the user first
    with transaction.atomic(durable=True):
        pair = _traded(claims)
    if pair is None:
        raise TokenRefused
    return pair


def signed_claims(token: str) -> Claims:
    """Return the claims of a refresh token that we signed. Any other token counts as a guess.

    Raises:
        TokenRefused: the token was not signed by us, or has expired.
        TooManyAttempts: too many tokens that we did not sign came from this IP address.
    """
    try:
        return decode(RefreshToken, token)
    except TokenExpired:
        raise
    except TokenRefused:
        count_attempt()
        raise


def rotate(session: Session, user: User) -> TokenPair:
    """Issue a new pair for a session whose row is locked. Its earlier tokens are spent."""
    now = timezone.now()
    token_id = new_token_id()
    session.spent = {**_spent_lately(session, now), session.refresh_digest: now.timestamp()}
    session.refresh_digest = token_digest(token_id)
    session.last_used_at = now
    session.save(update_fields=["spent", "refresh_digest", "last_used_at"])
    return sign_pair(session, user, token_id, now=now)


def _traded(claims: Claims) -> TokenPair | None:
    """Return the new pair, or None if the token is refused. A stolen session has been ended by then.

    Raises:
        TokenJustUsed: the token was traded within `RACE`.
    """
    session = (
        Session.objects.live()
        .select_related("user")
        .select_for_update(of=("self",))
        .filter(pk=claims.session_id, user_id=claims.user_id)
        .first()
    )
    if session is None or not session.user.is_active:
        return None
    digest = token_digest(claims.token_id)
    if not secrets.compare_digest(session.refresh_digest, digest):
        if digest not in _spent_lately(session, timezone.now()):
            _end_stolen(session)
        elif claims.version == session.user.access_version:
            raise TokenJustUsed
        return None
    if claims.version != session.user.access_version:
        return None
    return rotate(session, session.user)


def _spent_lately(session: Session, now: datetime) -> dict[str, float]:
    since = (now - RACE).timestamp()
    return {digest: at for digest, at in session.spent.items() if at >= since}


def _end_stolen(session: Session) -> None:
    session.revoked_at = timezone.now()
    session.save(update_fields=["revoked_at"])
    user = session.user
    changes = {"device": [session.user_agent, None], "session": [str(session.pk), None]}
    record([event("user.session_stolen", user, by=Actor.system(), changes=changes)])
    queue_email(
        "session_stolen",
        [user.pk],
        key=str(session.pk),
        device=session.user_agent,
        ip_address=current_origin().ip_address or "",
        at=session.revoked_at.isoformat(),
    )
