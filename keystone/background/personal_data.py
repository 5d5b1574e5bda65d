"""Personal data in the queue: tasks with a person's email address among their arguments."""

from typing import Any

from django.db import connection

from keystone.personal_data import Erasure, eraser

# This covers every task except running ones, which end and are pruned.
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
    """Delete tasks, finished or not, with one of the person's email addresses among their arguments.

    Running tasks are left out. This reads all tasks.
    """
    with connection.cursor() as cursor:
        cursor.execute(FORGET, [sorted(erasure.addresses)])
