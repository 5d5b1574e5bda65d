"""Revoke sessions, which are then refused from the next request on.

A session ends when somebody signs out (`sign_out`), when its person loses access or changes their password
(`accounts.revoke_access`, by a hook), when its refresh token was used twice (`rotation`), when a browser signs out
(`browser_store`), when the second factor changes (`two_factor.enrolment`), and when it expires.
"""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db.models.functions import Now

from keystone.accounts.hooks import access_ended
from keystone.sessions.models import Session


@access_ended.register
def revoke_sessions(user_ids: Collection[Any], *, keep: UUID | None = None, browsers: bool = True) -> int:
    """End all open sessions of these users, except the one with the id `keep`.

    Args:
        browsers: whether sign-ins in browsers end, too.

    Returns:
        The number of sessions that were ended.
    """
    sessions = Session.objects.filter(user_id__in=user_ids, revoked_at__isnull=True)
    if not browsers:
        sessions = sessions.filter(browser_key__isnull=True)
    if keep is not None:
        sessions = sessions.exclude(pk=keep)
    return sessions.update(revoked_at=Now())


def revoke_session(user_id: Any, session_id: UUID) -> bool:
    """End one session of a user.

    Returns:
        Whether it was open.
    """
    return bool(Session.objects.live().filter(pk=session_id, user_id=user_id).update(revoked_at=Now()))
