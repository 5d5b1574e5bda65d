"""The task that tells approvers: it takes ids, fetches, delegates."""

from keystone.approval.notices.telling import queue_notices
from keystone.background.declaring import task


@task()
def send_notices(*, name: str, user_ids: list[str], but: str = "") -> int:
    """Queue the notice `name` about these people for everybody who is to hear of it at once.

    Returns:
        How many mails were queued.
    """
    return queue_notices(name, user_ids, but=but)
