"""The scheduled job of the schedule itself."""

from keystone.conf import options
from keystone.scheduling import pruning
from keystone.scheduling.registry import scheduled


@scheduled(cron="30 3 * * *")
def prune_runs() -> dict[str, int]:
    """Deletes the history of scheduled jobs from long ago."""
    return {"deleted": pruning.prune_runs(older_than=options().runs_kept)}
