"""The options of a worker, and why it ends."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class End(StrEnum):
    """Why a worker has ended."""

    STOPPED = "stopped"
    RECYCLE = "has lost slots, and wants to be started anew"


@dataclass(frozen=True, kw_only=True)
class WorkerOptions:
    """How a worker works. All times are in seconds.

    Attributes:
        queues: which queues it serves; None for all.
        concurrency: how many tasks run at once.
        wait: whether it stays when nothing is due.
        heartbeat: between two signs of life, and between two looks for dead workers.
        stalled_after: without a sign of life a worker is dead after this; the same for all workers.
        poll: between two looks for tasks that have become due; of new ones it is told.
        shutdown_timeout: what running tasks have to end, when the worker is told to.
        recycle_timeout: the same when the worker has lost slots.
        grace: what a task has to end, once it is interrupted.
        health_file: is there while the worker is ready, and is touched at each sign of life.
    """

    queues: list[str] | None = None
    concurrency: int = 4
    wait: bool = True
    heartbeat: float = 10.0
    stalled_after: float = 30.0
    poll: float = 5.0
    shutdown_timeout: float = 30.0
    recycle_timeout: float = 600.0
    grace: float = 10.0
    health_file: Path | None = None
