"""The scheduled job of the tasks."""

from keystone.background import pruning
from keystone.conf import options
from keystone.scheduling.registry import scheduled


@scheduled(cron="10 3 * * *")
def prune_tasks() -> dict[str, int]:
    """Deletes tasks that were done long ago; failed ones are kept until somebody decides."""
    return {"deleted": pruning.prune_tasks(older_than=options().tasks_kept)}
