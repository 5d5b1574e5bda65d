"""Running schedulers and their heartbeats."""

import os
import secrets
import socket
from datetime import timedelta

from django.db.models import QuerySet
from django.db.models.functions import Now

from keystone.scheduling.models import SchedulerProcess

DEAD_AFTER = timedelta(seconds=30)  # without a heartbeat; a scheduler sends one every 2 s
FORGOTTEN_AFTER = timedelta(days=1)


def process_name() -> str:
    """Return a name that no other scheduler has: host, process id and a random part."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"[-200:]


def beat(name: str, jobs: dict[str, str]) -> None:
    """Record a heartbeat.

    Args:
        name: the name of the process.
        jobs: the jobs that its code declares, each id with its trigger.
    """
    SchedulerProcess.objects.update_or_create(
        name=name, defaults={"last_heartbeat": Now()}, create_defaults={"last_heartbeat": Now(), "jobs": jobs}
    )


def sign_off(name: str) -> None:
    """Remove a process that ends normally, and those whose last heartbeat was long ago."""
    SchedulerProcess.objects.filter(name=name).delete()
    SchedulerProcess.objects.filter(last_heartbeat__lt=Now() - FORGOTTEN_AFTER).delete()


def alive(*, within: timedelta = DEAD_AFTER) -> QuerySet[SchedulerProcess]:
    """Return the schedulers with a heartbeat within this time, longest running first."""
    return SchedulerProcess.objects.filter(last_heartbeat__gte=Now() - within).order_by("started_at", "pk")
