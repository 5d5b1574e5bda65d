"""The scheduled jobs of the outbox."""

from datetime import timedelta

from keystone.conf import options
from keystone.mail.pruning import prune_mails as prune
from keystone.mail.retrying import overdue
from keystone.mail.tasks import wake_up
from keystone.scheduling.registry import scheduled


@scheduled(every=timedelta(minutes=5))
def deliver_overdue() -> dict[str, int]:
    """Sends mails that are due, and that no worker was woken up for."""
    mails = overdue()
    if mails:
        wake_up()
    return {"mails": mails}


@scheduled(cron="20 3 * * *")
def prune_mails() -> dict[str, int]:
    """Deletes mails that were done with long ago."""
    return {"deleted": prune(older_than=options().mails_kept)}
