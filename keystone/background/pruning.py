"""Delete finished tasks. Failed ones are kept until an administrator decides."""

from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from keystone.background.states import OVER

ROWS = 1_000  # in one transaction

# The last key of the next batch, and whether any of its tasks was enqueued before the given time.
NEXT = """
SELECT max(job.id), bool_or(enqueued.at IS NULL OR enqueued.at < %(before)s)
FROM (SELECT id FROM procrastinate_jobs WHERE id > %(after)s ORDER BY id LIMIT %(rows)s) AS job
LEFT JOIN LATERAL (
    SELECT at FROM procrastinate_events WHERE job_id = job.id AND type = 'deferred' LIMIT 1
) AS enqueued ON true
"""
# Locked rows are skipped: they are about to be retried. `scheduled` events lie in the future, so they do not count.
PRUNE = """
WITH old AS (
    SELECT job.id FROM procrastinate_jobs AS job
    WHERE job.id > %(after)s AND job.id <= %(last)s AND job.status = ANY(%(states)s::procrastinate_job_status[])
      AND NOT EXISTS (
          SELECT FROM procrastinate_events AS event
          WHERE event.job_id = job.id AND event.type <> 'scheduled' AND event.at >= %(before)s
      )
    FOR UPDATE OF job SKIP LOCKED
), outcomes AS (
    DELETE FROM keystone_taskoutcome WHERE job_id IN (SELECT id FROM old)
)
DELETE FROM procrastinate_jobs WHERE id IN (SELECT id FROM old)
"""
NEXT_OUTCOMES = """
SELECT max(job_id) FROM (
    SELECT job_id FROM keystone_taskoutcome WHERE job_id > %(after)s ORDER BY job_id LIMIT %(rows)s
) AS outcome
"""
PRUNE_OUTCOMES = """
DELETE FROM keystone_taskoutcome AS outcome
WHERE job_id > %(after)s AND job_id <= %(last)s
  AND NOT EXISTS (SELECT FROM procrastinate_jobs WHERE id = outcome.job_id)
"""


def prune_tasks(*, older_than: timedelta) -> int:
    """Delete succeeded, cancelled and aborted tasks with their outcomes, and outcomes without a task.

    Call this outside a transaction: it goes through the table in many short ones, which lock only the rows they delete.

    Args:
        older_than: the minimum time since a task's last event.

    Returns:
        The number of tasks that were deleted.
    """
    before = timezone.now() - older_than
    pruned = after = 0
    while (last := _last_of_next(after, before)) is not None:
        pruned += _run(PRUNE, after=after, last=last, before=before, states=list(OVER))
        after = last
    _prune_outcomes()
    return pruned


def _last_of_next(after: int, before: datetime) -> int | None:
    """Return the last key of the next batch; None at the end of the table or if all further tasks are too young.

    Keys follow the order of enqueueing, and a task cannot end before it was enqueued.
    """
    with connection.cursor() as cursor:
        cursor.execute(NEXT, {"after": after, "before": before, "rows": ROWS})
        last, has_old = cursor.fetchone()
    return last if has_old else None


def _prune_outcomes() -> None:
    after = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(NEXT_OUTCOMES, {"after": after, "rows": ROWS})
            (last,) = cursor.fetchone()
        if last is None:
            return
        _run(PRUNE_OUTCOMES, after=after, last=last)
        after = last


def _run(statement: str, **values: Any) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)
