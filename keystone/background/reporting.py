"""Log the end of each attempt."""

import logging

from keystone.background.queue import Outcome
from keystone.background.retries import RetryLater
from keystone.background.running import Attempt

logger = logging.getLogger(__name__)


def log_end(attempt: Attempt, outcome: Outcome, status: str | None) -> None:
    """Log one line about the end of an attempt, without the task's arguments."""
    job, error = attempt.job, attempt.error
    what = (job.id, job.task_name, attempt.seconds, attempt.number)
    if status is None:
        logger.warning("task %s %s ended in %.3f s (attempt %d), but was another worker's by then", *what)
    elif error is None:
        logger.info("task %s %s succeeded in %.3f s (attempt %d)", *what)
    elif status == "todo":
        level = logging.INFO if isinstance(error, RetryLater) else logging.WARNING
        logger.log(
            level,
            "task %s %s ended in %.3f s (attempt %d) with %s; again at %s",
            *what,
            type(error).__name__,
            outcome.again_at,
        )
    else:
        logger.error("task %s %s failed in %.3f s (attempt %d): %s", *what, status, exc_info=error)
