"""What the queue holds about a person: tasks that were given their email address."""

from typing import Any

from django.db import connection

from keystone.personal_data import Erasure, eraser

# Whatever the task is; but for those that a worker is at, which end, and are pruned.
FORGET = """
    WITH gone AS (
        DELETE FROM procrastinate_jobs AS job
        WHERE status <> 'doing' AND EXISTS (
            SELECT FROM jsonb_path_query(job.args, '$.** ? (@.type() == "string")') AS value
            WHERE lower(value #>> '{}') = ANY(%s)
        )
        RETURNING id
    )
    DELETE FROM keystone_taskoutcome WHERE job_id IN (SELECT id FROM gone)
"""


@eraser("tasks")
def erase_tasks(user: Any, erasure: Erasure) -> None:
    """Delete the tasks that have one of the person's addresses among their arguments, done or not; it reads all."""
    with connection.cursor() as cursor:
        cursor.execute(FORGET, [sorted(erasure.addresses)])
