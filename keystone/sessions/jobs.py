"""Scheduled jobs that delete old sessions."""

from keystone.scheduling.registry import scheduled
from keystone.sessions import cleanup


@scheduled(cron="50 1 * * *")
def delete_ended_sessions() -> dict[str, int]:
    """Deletes the API's sessions that ended a week ago."""
    return {"deleted": cleanup.delete_ended_sessions()}


@scheduled(cron="10 1 * * *")
def delete_expired_browser_sessions() -> dict[str, int]:
    """Deletes browser sessions that have expired."""
    return {"deleted": cleanup.delete_expired_browser_sessions()}
