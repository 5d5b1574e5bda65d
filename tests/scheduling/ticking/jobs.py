"""The jobs."""

import time
from datetime import timedelta

from keystone.scheduling.registry import scheduled


@scheduled(every=timedelta(seconds=1), overlap=True)
def tick() -> None:
    """Does nothing, each second."""


@scheduled(every=timedelta(days=366))
def dawdle() -> str:
    """Takes two seconds."""
    time.sleep(2)
    return "done"
