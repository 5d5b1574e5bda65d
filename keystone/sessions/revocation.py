"""Ending sessions: what is revoked here is refused from the very next request on."""

from collections.abc import Collection
from typing import Any

from django.db.models.functions import Now

from keystone.sessions.models import Session


def revoke_sessions(user_ids: Collection[Any]) -> int:
    """End every open session of these people.

    Returns:
        How many were open.
    """
    return Session.objects.filter(user_id__in=user_ids, revoked_at__isnull=True).update(revoked_at=Now())
