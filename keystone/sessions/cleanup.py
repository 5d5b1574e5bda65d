"""Delete ended sessions."""

from datetime import timedelta

from django.contrib.sessions.models import Session as BrowserSession
from django.utils import timezone

from keystone.background.batches import delete_in_chunks
from keystone.sessions.models import Session

KEPT = timedelta(days=7)  # sessions stay listed for this long after they ended


def delete_ended_sessions() -> int:
    """Delete listed sessions that expired a week ago. Call this outside a transaction.

    Revoked sessions are kept until then, too: their tokens are signed until the session's expiry, and a token that
    comes back is recognized by the row. After the expiry no token passes the signature check, so the response is the
    same with and without the row.

    Returns:
        The number of sessions that were deleted.
    """
    return delete_in_chunks(Session.objects.filter(expires_at__lte=timezone.now() - KEPT))


def delete_expired_browser_sessions() -> int:
    """Delete Django's expired sessions: those of the admin and the browsable API.

    Call this outside a transaction.

    Returns:
        The number of sessions that were deleted.
    """
    return delete_in_chunks(BrowserSession.objects.filter(expire_date__lte=timezone.now()))
