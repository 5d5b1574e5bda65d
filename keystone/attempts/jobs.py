"""The scheduled job of the attempt limits."""

from keystone.attempts.lifting import forget_ended_windows
from keystone.scheduling.registry import scheduled


@scheduled(cron="40 * * * *")
def forget_attempt_windows() -> dict[str, int]:
    """Deletes the attempt windows that have ended."""
    return {"deleted": forget_ended_windows()}
