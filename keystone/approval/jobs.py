"""The scheduled jobs of approval notices and undoable decisions."""

from keystone.approval import undo
from keystone.approval.notices import digests
from keystone.scheduling.registry import scheduled


@scheduled(cron="2 * * * *")
def tell_approvers_of_the_rest() -> dict[str, int]:
    """Mails approvers the people left over from a busy hour, in which they reached the limit of single notices."""
    return {"mails": digests.queue_rest()}


@scheduled(cron="0 6 * * *")
def mail_digests() -> dict[str, int]:
    """Mails a list of everybody who waits for a decision to the approvers who chose one mail a day."""
    return {"mails": digests.queue_digests()}


@scheduled(cron="30 6 * * *")
def remind_approvers() -> dict[str, int]:
    """Reminds approvers by mail of people who have waited long for a decision."""
    return {"mails": digests.queue_reminders()}


@scheduled(cron="35 1 * * *")
def delete_final_undos() -> dict[str, int]:
    """Deletes what was kept for undoing decisions that have become final."""
    return {"deleted": undo.delete_final()}
