"""Delete old mails."""

from datetime import timedelta

from django.utils import timezone

from keystone.background.batches import delete_in_chunks
from keystone.mail.models import MailState, OutgoingMail

FAILED_KEPT = timedelta(days=365)  # whoever looks into why may look late; their addresses are not kept for ever


def prune_mails(*, older_than: timedelta) -> int:
    """Delete the mails that are done with. Call it outside a transaction.

    Failed ones wait for somebody who sends them again, for a year at least. Queued ones stay, however old.

    Args:
        older_than: the time since a mail last changed after which it goes.

    Returns:
        How many were deleted.
    """
    now = timezone.now()
    done = OutgoingMail.objects.exclude(state__in=(MailState.QUEUED, MailState.FAILED))
    failed = OutgoingMail.objects.filter(state=MailState.FAILED)
    return delete_in_chunks(done.filter(updated_at__lte=now - older_than)) + delete_in_chunks(
        failed.filter(updated_at__lte=now - max(older_than, FAILED_KEPT))
    )
