"""The scheduled job that deletes old runs."""

from keystone.conf import options
from keystone.data import pruning
from keystone.scheduling.registry import scheduled


@scheduled(cron="40 3 * * *")
def prune_data_runs() -> dict[str, int]:
    """Deletes runs of importers, seeders, scripts and pipelines from long ago."""
    return {"deleted": pruning.prune_runs(older_than=options().data_runs_kept)}
