"""The task that runs a job."""

from keystone.background.declaring import task
from keystone.scheduling import running
from keystone.scheduling.models import ScheduledRun

TIMEOUT = 3600.0  # seconds


# Once: whether a job is tried again is the job's own affair, see `running`.
@task(max_attempts=1, timeout=TIMEOUT)
def run_scheduled_job(*, run_id: int) -> None:
    """Run a scheduled job for one slot."""
    running.run(run_id)


def enqueue_run(run: ScheduledRun) -> None:
    """Enqueue the task of a run that has just been written, and note which it is."""
    run.task_id = run_scheduled_job.enqueue(run_id=run.pk).id
    run.save(update_fields=("task_id",))
