"""Delete ended sessions."""

from datetime import timedelta

from django.contrib.sessions.models import Session as BrowserSession
from django.utils import timezone

from keystone.background.batches import delete_in_chunks
from keystone.sessions.models import Session

KEPT = timedelta(days=7)  # the list of sessions shows them for so long after their end


def delete_ended_sessions() -> int:
    """Delete the sessions of the API whose time ended a week ago. Call it outside a transaction.

    One that was revoked stays until then, too: its tokens are signed to its end, and each of them that comes back is
    still known by its row. After its end no token of it passes the check of the signature, so that every answer is
    the same with the row and without.

    Returns:
        How many there were.
    """
    return delete_in_chunks(Session.objects.filter(expires_at__lte=timezone.now() - KEPT))


def delete_expired_browser_sessions() -> int:
    """Delete Django's sessions that have expired: those of the admin and the browsable API.

    Call it outside a transaction.

    Returns:
        How many there were.
    """
    return delete_in_chunks(BrowserSession.objects.filter(expire_date__lte=timezone.now()))
