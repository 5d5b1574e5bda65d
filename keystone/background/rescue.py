"""Requeue the tasks of dead workers."""

import logging
from typing import Any

from django.utils import timezone
from psycopg.types.json import Jsonb

from keystone.background.connection import Connection, fetch
from keystone.background.queue import notify_workers

logger = logging.getLogger(__name__)

MOST_RESCUES = 5
# A worker that is recording a heartbeat has locked its row and is skipped. A later heartbeat waits and finds no row.
SILENT = """
    SELECT id FROM procrastinate_workers
    WHERE last_heartbeat < now() - make_interval(secs => %(silent)s) AND id IS DISTINCT FROM %(own)s
    ORDER BY id FOR UPDATE SKIP LOCKED
"""
OF_WORKERS = "worker_id = ANY(%(workers)s)"
OF_NOBODY = "worker_id IS NULL"
# A task is not blamed for the death of its worker unless this happens repeatedly.
RESCUE = """
    WITH lost AS (
        SELECT id FROM procrastinate_jobs WHERE status = 'doing' AND {whose} ORDER BY id FOR UPDATE
    ), counted AS (
        INSERT INTO keystone_taskoutcome AS kept (job_id, errors, rescues) SELECT id, '[]', 1 FROM lost
        ON CONFLICT (job_id) DO UPDATE SET rescues = kept.rescues + 1 RETURNING job_id, rescues
    )
    UPDATE procrastinate_jobs SET worker_id = NULL, abort_requested = false, status = CASE
        WHEN abort_requested THEN 'aborted' WHEN rescues > %(most)s THEN 'failed' ELSE 'todo'
    END::procrastinate_job_status
    FROM counted WHERE id = job_id RETURNING id, queue_name, task_name, status::text AS status
"""
ADD_ERROR = "UPDATE keystone_taskoutcome SET errors = errors || %(error)s WHERE job_id = ANY(%(jobs)s)"
REMOVE = "DELETE FROM procrastinate_workers WHERE id = ANY(%(workers)s)"
FORGET = """
    DELETE FROM keystone_workerprocess AS process
    WHERE NOT EXISTS (SELECT FROM procrastinate_workers WHERE id = process.worker_id)
"""


class WorkerLost(Exception):  # noqa: N818 - what happened to a task
    """The workers that ran a task were killed or lost too often for it to be chance."""


async def rescue(connection: Connection, *, silent: float, own: int | None, orphans: bool) -> int:
    """Remove workers without a heartbeat, and requeue their tasks.

    Args:
        connection: the connection of the worker that checks.
        silent: seconds without a heartbeat after which a worker is dead.
        own: the id of the worker that checks, which is alive.
        orphans: whether to check also for running tasks whose worker's row is gone, as Procrastinate's own shell
            leaves them. This reads every waiting task.

    Returns:
        The number of tasks that were requeued.

    Raises:
        DatabaseAway: nothing was done.
    """
    async with connection.transaction() as transaction:
        workers = [row["id"] for row in await fetch(transaction, SILENT, {"silent": silent, "own": own})]
        rows: list[dict[str, Any]] = []
        arguments = {"workers": workers, "most": MOST_RESCUES}
        if workers:
            rows += await fetch(transaction, RESCUE.format(whose=OF_WORKERS), arguments)
        if orphans:
            rows += await fetch(transaction, RESCUE.format(whose=OF_NOBODY), arguments)
        hopeless = [row["id"] for row in rows if row["status"] == "failed"]
        if hopeless:
            await transaction.execute(ADD_ERROR, {"error": Jsonb([_error()]), "jobs": hopeless})
        if workers:
            await transaction.execute(REMOVE, {"workers": workers})
            await transaction.execute(FORGET)
        again = [row for row in rows if row["status"] == "todo"]
        await notify_workers(transaction, {str(row["queue_name"]) for row in again})
    if workers:
        logger.warning("removed dead workers: %s", ", ".join(str(worker) for worker in workers))
    for row in rows:
        level = logging.ERROR if row["status"] == "failed" else logging.WARNING
        logger.log(level, "task %s %s lost its worker: %s", row["id"], row["task_name"], row["status"])
    return len(again)


def _error() -> dict[str, str]:
    return {
        "at": timezone.now().isoformat(),
        "class": f"{WorkerLost.__module__}.{WorkerLost.__qualname__}",
        "traceback": f"The workers that ran it were killed or lost more than {MOST_RESCUES} times. It may be what "
        "kills them (by the memory it needs, say), so it is not run again until somebody decides.",
        "worker": "",
    }
