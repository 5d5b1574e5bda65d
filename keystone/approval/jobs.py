"""The scheduled jobs of approval notices and undoable decisions."""

from keystone.approval import undo
from keystone.approval.notices import digests
from keystone.scheduling.registry import scheduled


@scheduled(cron="2 * * * *")
def tell_approvers_of_the_rest() -> dict[str, int]:
    """Mails approvers who else began to wait in an hour in which more came than are told one by one."""
    return {"mails": digests.queue_rest()}


@scheduled(cron="0 6 * * *")
def mail_digests() -> dict[str, int]:
    """Mails everybody who waits for a decision to the approvers who chose one mail a day."""
    return {"mails": digests.queue_digests()}


@scheduled(cron="30 6 * * *")
def remind_approvers() -> dict[str, int]:
    """Mails approvers who has waited long for a decision."""
    return {"mails": digests.queue_reminders()}


@scheduled(cron="35 1 * * *")
def delete_final_undos() -> dict[str, int]:
    """Deletes what was kept of decisions that could be undone and are final by now."""
    return {"deleted": undo.delete_final()}
