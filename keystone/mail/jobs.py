"""The scheduled jobs of the outbox."""

from datetime import timedelta

from keystone.conf import options
from keystone.mail import pruning, retrying
from keystone.scheduling.registry import scheduled


@scheduled(every=timedelta(minutes=5))
def deliver_overdue() -> dict[str, int]:
    """Sends mails that are due, and whose task was lost."""
    return {"mails": retrying.deliver_overdue()}


@scheduled(cron="20 3 * * *")
def prune_mails() -> dict[str, int]:
    """Deletes mails that were done with long ago."""
    return {"deleted": pruning.prune_mails(older_than=options().mails_kept)}
