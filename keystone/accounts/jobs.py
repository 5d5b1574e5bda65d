"""The scheduled jobs of accounts.

Running a job twice, even at the same time, does no harm: rows are locked, and emails have keys.
"""

from dataclasses import asdict
from datetime import timedelta

from keystone.accounts import expiry, stale_registrations, tokens
from keystone.actors.actor import Actor
from keystone.scheduling.registry import scheduled

MINUTE = timedelta(minutes=1)


@scheduled(every=MINUTE)
def end_access() -> dict[str, int]:
    """Deactivates people whose access has ended."""
    return asdict(expiry.end_access_of_all(by=Actor.job("end_access")))


@scheduled(every=MINUTE)
def lift_suspensions() -> dict[str, int]:
    """Reactivates people whose suspension has ended."""
    return asdict(expiry.lift_all_suspensions(by=Actor.job("lift_suspensions")))


@scheduled(cron="30 1 * * *")
def delete_expired_tokens() -> dict[str, int]:
    """Deletes the tokens of links that have expired."""
    return {"deleted": tokens.delete_expired()}


@scheduled(cron="10 2 * * *")
def warn_stale_registrations() -> dict[str, int]:
    """Mails a new link to people whose registration expires soon, because their email address is not verified."""
    return {"mails": stale_registrations.warn_stale_registrations()}


@scheduled(cron="30 2 * * *")
def expire_stale_registrations() -> dict[str, int]:
    """Deletes registrations whose email address was not verified in time."""
    return asdict(stale_registrations.expire_stale_registrations(by=Actor.job("expire_stale_registrations")))
