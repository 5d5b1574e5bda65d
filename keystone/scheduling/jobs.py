"""Scheduled jobs that prune tasks and the history of jobs. Each package has its own `jobs.py`."""

from keystone.background.pruning import prune_tasks as prune_old_tasks
from keystone.conf import options
from keystone.scheduling import pruning
from keystone.scheduling.registry import scheduled


@scheduled(cron="10 3 * * *")
def prune_tasks() -> dict[str, int]:
    """Deletes tasks that were done long ago; failed ones are kept until somebody decides."""
    return {"deleted": prune_old_tasks(older_than=options().tasks_kept)}


@scheduled(cron="30 3 * * *")
def prune_runs() -> dict[str, int]:
    """Deletes the history of scheduled jobs from long ago."""
    return {"deleted": pruning.prune_runs(older_than=options().runs_kept)}
