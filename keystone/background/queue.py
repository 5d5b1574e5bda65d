"""A worker's updates of the queue, fenced by attempt.

An attempt is identified by its worker and the task's attempt count. The statement that ends an attempt filters on both.
A worker that was presumed dead but is still running therefore cannot change a task that another worker has taken since:
its statement matches no row.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from procrastinate.jobs import Job
from psycopg.errors import ForeignKeyViolation
from psycopg.types.json import Jsonb

from keystone.background.connection import Connection, fetch

ERRORS_KEPT = 10

REGISTER = """
    WITH worker AS (SELECT worker_id FROM procrastinate_register_worker_v1())
    INSERT INTO keystone_workerprocess (worker_id, name, queues, concurrency)
    SELECT worker_id, %(name)s, %(queues)s, %(concurrency)s FROM worker RETURNING worker_id
"""
BEAT = "UPDATE procrastinate_workers SET last_heartbeat = now() WHERE id = %(worker)s RETURNING id"
# Called once for each free slot. The function is volatile, so it sees the tasks that it has already taken. The commit
# need not wait for the disk: if a crash loses it, the task is waiting again, and the commit of its end is lost as well.
FETCH = """
    SELECT (job).* FROM (
        SELECT procrastinate_fetch_job_v2(%(queues)s::varchar[], %(worker)s) AS job
        FROM set_config('synchronous_commit', 'off', true), generate_series(1, %(slots)s::int) OFFSET 0
    ) AS fetched WHERE (job).id IS NOT NULL
"""
# A task that was asked to stop is not retried.
FINISH = """
    UPDATE procrastinate_jobs SET
        status = CASE WHEN abort_requested AND %(status)s = 'todo' THEN 'aborted' ELSE %(status)s END
            ::procrastinate_job_status,
        attempts = attempts + %(counts)s,
        scheduled_at = CASE WHEN %(status)s = 'todo' THEN %(again_at)s ELSE scheduled_at END,
        abort_requested = false
    WHERE id = %(job)s AND status = 'doing' AND worker_id = %(worker)s AND attempts = %(attempts)s
    RETURNING id, status::text AS status
"""
FINISH_WITH_OUTCOME = f"""
    WITH finished AS ({FINISH}), outcome AS (
        INSERT INTO keystone_taskoutcome AS kept (job_id, return_value, errors, rescues)
        SELECT id, %(value)s, %(errors)s, 0 FROM finished
        ON CONFLICT (job_id) DO UPDATE SET return_value = EXCLUDED.return_value, errors = (
            SELECT coalesce(jsonb_agg(error ORDER BY place), '[]') FROM (
                SELECT error, place FROM jsonb_array_elements(kept.errors || EXCLUDED.errors)
                WITH ORDINALITY AS listed (error, place) ORDER BY place DESC LIMIT {ERRORS_KEPT}
            ) AS newest
        )
    ) SELECT id, status FROM finished
"""  # noqa: S608 - built from constants
# Tasks that this worker has taken but does not run, for example because the answer of the fetching statement was lost.
RELEASE = """
    UPDATE procrastinate_jobs SET worker_id = NULL, abort_requested = false,
        status = CASE WHEN abort_requested THEN 'aborted' ELSE 'todo' END::procrastinate_job_status
    WHERE worker_id = %(worker)s AND status = 'doing' AND NOT id = ANY(%(running)s)
    RETURNING id, queue_name
"""
LEAVE = "DELETE FROM procrastinate_workers WHERE id = %(worker)s"
FORGET = "DELETE FROM keystone_workerprocess WHERE worker_id = %(worker)s"
NOTIFY = """
    SELECT pg_notify(channel, %(payload)s) FROM unnest(%(channels)s::text[]) AS channel
"""
# Counted from the task's first start, or from the first start after it last ended or was retried by hand.
TRIED_FOR = """
    SELECT coalesce(now() - min(at), interval '0') AS tried_for FROM procrastinate_events
    WHERE job_id = %(job)s AND type = 'started' AND id > coalesce((
        SELECT max(id) FROM procrastinate_events
        WHERE job_id = %(job)s AND type IN ('failed', 'aborted', 'cancelled', 'retried')
    ), 0)
"""
STOP_REQUESTS = "SELECT id FROM procrastinate_jobs WHERE id = ANY(%(running)s) AND abort_requested"


class WorkerUnknown(Exception):  # noqa: N818 - an answer of the queue
    """The queue no longer knows this worker: it was silent for too long, and its tasks were given to other workers."""


@dataclass(frozen=True)
class Outcome:
    """The outcome of one attempt.

    Attributes:
        status: the new status of the row: succeeded, failed, aborted, or todo if the task is to be retried.
        again_at: when to retry, in UTC; only with todo.
        counts: whether the attempt counts.
        value: the return value, if any.
        error: the exception in the format of `TaskOutcome.errors`.
    """

    status: str
    again_at: datetime | None = None
    counts: bool = True
    value: Any = None
    error: dict[str, str] | None = None


class Queue:
    """The queue as one worker uses it. Every method may raise `DatabaseAway`."""

    def __init__(self, connection: Connection, *, queues: list[str] | None) -> None:
        self.connection = connection
        self.queues = queues

    @property
    def channels(self) -> list[str]:
        """The channels on which Procrastinate announces new tasks and requests to stop a task."""
        return channels(self.queues)

    async def register(self, *, name: str, concurrency: int) -> int:
        """Register a worker and return its id."""
        arguments = {"name": name, "queues": Jsonb(self.queues or []), "concurrency": concurrency}
        [row] = await self.connection.rows(REGISTER, arguments)
        return int(row["worker_id"])

    async def beat(self, worker: int) -> None:
        """Record a heartbeat of the worker.

        Raises:
            WorkerUnknown: the worker was presumed dead.
        """
        if not await self.connection.rows(BEAT, {"worker": worker}):
            raise WorkerUnknown

    async def fetch(self, worker: int, *, slots: int) -> list[Job]:
        """Take up to `slots` due tasks.

        Raises:
            WorkerUnknown: see `beat`.
        """
        try:
            rows = await self.connection.rows(FETCH, {"queues": self.queues, "worker": worker, "slots": slots})
        except ForeignKeyViolation:
            raise WorkerUnknown from None
        return [Job.from_row(row) for row in rows]

    async def finish(self, job: Job, outcome: Outcome) -> str | None:
        """Write the outcome of an attempt.

        Returns:
            The new status of the task, or None if the attempt no longer belongs to this worker.
        """
        arguments: dict[str, Any] = {
            "job": job.id,
            "worker": job.worker_id,
            "attempts": job.attempts,
            "status": outcome.status,
            "counts": int(outcome.counts),
            "again_at": outcome.again_at,
        }
        statement = FINISH
        if outcome.value is not None or outcome.error is not None:
            statement = FINISH_WITH_OUTCOME
            arguments["value"] = None if outcome.value is None else Jsonb(outcome.value)
            arguments["errors"] = Jsonb([outcome.error] if outcome.error else [])
        rows = await self.connection.rows(statement, arguments)
        return str(rows[0]["status"]) if rows else None

    async def tried_for(self, job: Job) -> timedelta:
        """Return how long workers have been trying a task."""
        [row] = await self.connection.rows(TRIED_FOR, {"job": job.id})
        tried: timedelta = row["tried_for"]
        return tried

    async def release(self, worker: int, *, running: list[int]) -> int:
        """Put back the tasks that the worker has taken but does not run, and return their number."""
        async with self.connection.transaction() as connection:
            rows = await fetch(connection, RELEASE, {"worker": worker, "running": running})
            await notify_workers(connection, {str(row["queue_name"]) for row in rows})
        return len(rows)

    async def leave(self, worker: int) -> int:
        """Put all tasks of the worker back, unregister it, and return the number of tasks."""
        async with self.connection.transaction() as connection:
            rows = await fetch(connection, RELEASE, {"worker": worker, "running": []})
            await connection.execute(LEAVE, {"worker": worker})
            await connection.execute(FORGET, {"worker": worker})
            await notify_workers(connection, {str(row["queue_name"]) for row in rows})
        return len(rows)

    async def to_be_stopped(self, running: list[int]) -> list[int]:
        """Return those of the running tasks that were asked to stop."""
        rows = await self.connection.rows(STOP_REQUESTS, {"running": running})
        return [int(row["id"]) for row in rows]


def channels(queues: list[str] | None) -> list[str]:
    """Return the channels of these queues, or the channel of all queues for None."""
    if queues is None:
        return ["procrastinate_any_queue_v1"]
    return [f"procrastinate_queue_v1#{queue}" for queue in queues]


async def notify_workers(connection: Any, queues: set[str]) -> None:
    """Wake the workers of these queues when the transaction commits."""
    if queues:
        await connection.execute(NOTIFY, wake_arguments(queues))


def wake_arguments(queues: Collection[str]) -> dict[str, Any]:
    """Return the arguments of NOTIFY that wake the workers of these queues, as Procrastinate does for new tasks."""
    payload = json.dumps({"type": "job_inserted", "job_id": 0})
    return {"payload": payload, "channels": [*channels(None), *channels(sorted(queues))]}
