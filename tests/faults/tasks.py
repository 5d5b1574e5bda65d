"""Tasks that leave a row each time, and tasks that fail with secrets in their hands."""

import logging
import time
from pathlib import Path

from keystone.background.declaring import task
from keystone.mail.outbox import Addressee, queue
from tests.faults import effects
from tests.faults.canaries import kept, quoted

logger = logging.getLogger(__name__)


@task()
def work(*, what: str, seconds: float = 0.05) -> None:
    time.sleep(seconds)
    effects.leave(what)


@task()
def wait_for(*, path: str) -> str:
    """Leave a row, and wait for a file."""
    effects.leave("begun")
    while not Path(path).exists():
        time.sleep(0.02)
    return "done"


@task(max_attempts=1)
def fail_with_secrets() -> None:
    secrets = kept()
    for said in quoted(secrets):
        logger.warning("it goes wrong: %s", said)
    try:
        secrets[str(quoted(secrets))]
    except KeyError as error:
        raise ValueError(f"for want of {quoted(secrets)}") from error


@task(max_attempts=1)
async def fail_with_secrets_async() -> None:
    secrets = kept()
    raise ValueError(quoted(secrets))


@task()
def queue_mail_that_fails() -> None:
    """Queue it here, in a worker: this mail is not known anywhere else."""
    queue("fails", [Addressee(recipient="fails@example.com")])
