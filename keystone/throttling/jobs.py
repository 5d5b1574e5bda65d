"""The scheduled job that deletes ended rate limits."""

from keystone.scheduling.registry import scheduled
from keystone.throttling.reset import delete_ended_windows


@scheduled(cron="40 * * * *")
def delete_ended_attempt_windows() -> dict[str, int]:
    """Deletes the attempt windows that have ended."""
    return {"deleted": delete_ended_windows()}
