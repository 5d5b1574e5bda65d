"""The task that runs a scheduled job."""

from keystone.background.declaring import task
from keystone.scheduling import running
from keystone.scheduling.models import ScheduledRun

TIMEOUT = 3600.0  # seconds


# The task is not retried: `running` decides whether to retry a job.
@task(max_attempts=1, timeout=TIMEOUT)
def run_scheduled_job(*, run_id: int) -> None:
    """Run a scheduled job for one slot."""
    running.run(run_id)


def enqueue_run(run: ScheduledRun) -> None:
    """Enqueue the task of a newly created run, and store the task's id in the run."""
    run.task_id = run_scheduled_job.enqueue(run_id=run.pk).id
    run.save(update_fields=("task_id",))
