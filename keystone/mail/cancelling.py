"""Cancel queued mails."""

from collections.abc import Collection

from django.utils import timezone

from keystone.mail.models import MailState, OutgoingMail


def cancel_unsent(keys: Collection[str]) -> set[str]:
    """Cancel the mails with these idempotency keys that no worker has begun to send. Call it in a transaction.

    The rows stay locked until the transaction ends. A worker that has claimed them waits before it begins, and then
    skips them.

    Returns:
        The keys of the mails that can't be cancelled because an attempt to send them was made.
    """
    rows = list(OutgoingMail.objects.filter(idempotency_key__in=keys).order_by("pk").select_for_update())
    unsent = [row.pk for row in rows if _is_untouched(row)]
    OutgoingMail.objects.filter(pk__in=unsent).update(state=MailState.OBSOLETE, updated_at=timezone.now())
    return {str(row.idempotency_key) for row in rows if not _is_untouched(row)}


def _is_untouched(row: OutgoingMail) -> bool:
    if row.state == MailState.OBSOLETE:
        return True
    return row.state == MailState.QUEUED and row.attempts == 0
