"""The running schedulers and their heartbeats."""

import os
import secrets
import socket
from datetime import timedelta

from django.db.models import QuerySet
from django.db.models.functions import Now

from keystone.scheduling.models import SchedulerProcess

DEAD_AFTER = timedelta(seconds=30)  # without a sign of life; a scheduler gives one every 2 s
FORGOTTEN_AFTER = timedelta(days=1)


def process_name() -> str:
    """A name that no other scheduler has: host, process id and a random part."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"[-200:]


def beat(name: str, jobs: dict[str, str]) -> None:
    """Give a sign of life.

    Args:
        name: of the process.
        jobs: what its code declares, each id with its trigger.
    """
    SchedulerProcess.objects.update_or_create(
        name=name, defaults={"last_heartbeat": Now()}, create_defaults={"last_heartbeat": Now(), "jobs": jobs}
    )


def sign_off(name: str) -> None:
    """The process ends in order; those that ended otherwise long ago are forgotten as well."""
    SchedulerProcess.objects.filter(name=name).delete()
    SchedulerProcess.objects.filter(last_heartbeat__lt=Now() - FORGOTTEN_AFTER).delete()


def alive(*, within: timedelta = DEAD_AFTER) -> QuerySet[SchedulerProcess]:
    """The schedulers with a sign of life in this time, the longest running first."""
    return SchedulerProcess.objects.filter(last_heartbeat__gte=Now() - within).order_by("started_at", "pk")
