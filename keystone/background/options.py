"""Options of a worker, and the reasons why it ends."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class End(StrEnum):
    """The reason why a worker ended."""

    STOPPED = "stopped"
    RECYCLE = "has lost slots, and wants to be started anew"


@dataclass(frozen=True, kw_only=True)
class WorkerOptions:
    """Options of a worker. All times are in seconds.

    Attributes:
        queues: the queues to serve; None for all.
        concurrency: number of tasks to run at once.
        wait: whether to keep running when no task is due.
        heartbeat: interval between heartbeats, and between checks for dead workers.
        stalled_after: time without a heartbeat after which a worker is dead; use the same value for all workers.
        poll: interval between checks for tasks that have become due; PostgreSQL notifies the worker of new ones.
        shutdown_timeout: time for running tasks to end when the worker is stopped.
        recycle_timeout: the same when the worker has lost slots.
        grace: time for a task to end once it is interrupted.
        health_file: a file that exists while the worker is ready; it is touched at each heartbeat.
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
