"""A worker's updates of the queue. Each names the attempt in the same statement (fencing).

An attempt is that of one worker at one count of attempts. A worker that was taken for dead, and goes on, therefore
changes nothing of a task that another one has got since: its statement finds no row.
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
# Once for each free slot. The function is volatile: it sees what it has taken before. The commit need not wait for the
# disk: were it lost with the server, the task would wait again, and its end, which does wait, would be lost with it.
FETCH = """
    SELECT (job).* FROM (
        SELECT procrastinate_fetch_job_v2(%(queues)s::varchar[], %(worker)s) AS job
        FROM set_config('synchronous_commit', 'off', true), generate_series(1, %(slots)s::int) OFFSET 0
    ) AS fetched WHERE (job).id IS NOT NULL
"""
# Who asked for a task to be stopped does not want it tried again.
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
"""  # noqa: S608 - made of constants
# Ours, by the rows, but not by what we know: taken by a statement whose answer was lost on its way.
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
# From its first start on, or from the first after it was over and somebody had it tried again.
TRIED_FOR = """
    SELECT coalesce(now() - min(at), interval '0') AS tried_for FROM procrastinate_events
    WHERE job_id = %(job)s AND type = 'started' AND id > coalesce((
        SELECT max(id) FROM procrastinate_events
        WHERE job_id = %(job)s AND type IN ('failed', 'aborted', 'cancelled', 'retried')
    ), 0)
"""
STOP_REQUESTS = "SELECT id FROM procrastinate_jobs WHERE id = ANY(%(running)s) AND abort_requested"


class WorkerUnknown(Exception):  # noqa: N818 - an answer of the queue
    """The queue does not know this worker any more: it was silent for too long, and its tasks were given to others."""


@dataclass(frozen=True)
class Outcome:
    """What came of one attempt.

    Attributes:
        status: of the row: succeeded, failed, aborted, or todo where it is to be tried again.
        again_at: when, in UTC; only with todo.
        counts: whether the attempt is counted.
        value: what was returned, if anything.
        error: what was raised, as `TaskOutcome.errors` has it.
    """

    status: str
    again_at: datetime | None = None
    counts: bool = True
    value: Any = None
    error: dict[str, str] | None = None


class Queue:
    """The queue, as one worker uses it. Every method may raise `DatabaseAway`."""

    def __init__(self, connection: Connection, *, queues: list[str] | None) -> None:
        self.connection = connection
        self.queues = queues

    @property
    def channels(self) -> list[str]:
        """Where Procrastinate tells of new tasks, and of tasks that somebody wants stopped."""
        return channels(self.queues)

    async def register(self, *, name: str, concurrency: int) -> int:
        """Enter a worker, and give its id."""
        arguments = {"name": name, "queues": Jsonb(self.queues or []), "concurrency": concurrency}
        [row] = await self.connection.rows(REGISTER, arguments)
        return int(row["worker_id"])

    async def beat(self, worker: int) -> None:
        """Say that the worker lives.

        Raises:
            WorkerUnknown: it has been taken for dead.
        """
        if not await self.connection.rows(BEAT, {"worker": worker}):
            raise WorkerUnknown

    async def fetch(self, worker: int, *, slots: int) -> list[Job]:
        """Take up to `slots` tasks that are due.

        Raises:
            WorkerUnknown: see `beat`.
        """
        try:
            rows = await self.connection.rows(FETCH, {"queues": self.queues, "worker": worker, "slots": slots})
        except ForeignKeyViolation:
            raise WorkerUnknown from None
        return [Job.from_row(row) for row in rows]

    async def finish(self, job: Job, outcome: Outcome) -> str | None:
        """Write what came of an attempt.

        Returns:
            The status that the task has now, or None where the attempt is no longer this worker's.
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
        """How long workers have tried a task."""
        [row] = await self.connection.rows(TRIED_FOR, {"job": job.id})
        tried: timedelta = row["tried_for"]
        return tried

    async def release(self, worker: int, *, running: list[int]) -> int:
        """Put back what the worker has taken and does not run, and give how many those were."""
        async with self.connection.transaction() as connection:
            rows = await fetch(connection, RELEASE, {"worker": worker, "running": running})
            await tell(connection, {str(row["queue_name"]) for row in rows})
        return len(rows)

    async def leave(self, worker: int) -> int:
        """Put everything back and take the worker out, and give how many tasks were put back."""
        async with self.connection.transaction() as connection:
            rows = await fetch(connection, RELEASE, {"worker": worker, "running": []})
            await connection.execute(LEAVE, {"worker": worker})
            await connection.execute(FORGET, {"worker": worker})
            await tell(connection, {str(row["queue_name"]) for row in rows})
        return len(rows)

    async def to_be_stopped(self, running: list[int]) -> list[int]:
        """Which of these tasks somebody wants stopped."""
        rows = await self.connection.rows(STOP_REQUESTS, {"running": running})
        return [int(row["id"]) for row in rows]


def channels(queues: list[str] | None) -> list[str]:
    """The channels of these queues; of all where there is None."""
    if queues is None:
        return ["procrastinate_any_queue_v1"]
    return [f"procrastinate_queue_v1#{queue}" for queue in queues]


async def tell(connection: Any, queues: set[str]) -> None:
    """Wake the workers of these queues, when the transaction commits."""
    if queues:
        await connection.execute(NOTIFY, wake_arguments(queues))


def wake_arguments(queues: Collection[str]) -> dict[str, Any]:
    """The arguments of NOTIFY that wake the workers of these queues, as Procrastinate does for new tasks."""
    payload = json.dumps({"type": "job_inserted", "job_id": 0})
    return {"payload": payload, "channels": [*channels(None), *channels(sorted(queues))]}
