"""Delete old mails."""

from datetime import timedelta

from django.utils import timezone

from keystone.background.batches import delete_in_chunks
from keystone.mail.models import MailState, OutgoingMail
from keystone.mail.registry import CHOOSERS

FAILED_KEPT = timedelta(days=365)  # long enough to investigate, but email addresses are not kept forever


def prune_mails(*, older_than: timedelta) -> int:
    """Delete old mails that are done with. Call it outside a transaction.

    Failed mails are kept for at least a year, because somebody may resend them. Queued mails are kept, however old.

    Args:
        older_than: the time after a mail's last change when it is deleted.

    Returns:
        The number of deleted mails.
    """
    now = timezone.now()
    done = OutgoingMail.objects.exclude(state__in=(MailState.QUEUED, MailState.FAILED))
    failed = OutgoingMail.objects.filter(state=MailState.FAILED)
    undecided = failed.filter(template__in=CHOOSERS)  # their email addresses need not have accounts
    return sum(
        delete_in_chunks(rows.filter(updated_at__lte=now - age))
        for rows, age in ((done, older_than), (undecided, older_than), (failed, max(older_than, FAILED_KEPT)))
    )
