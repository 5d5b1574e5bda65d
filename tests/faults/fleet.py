"""Workers of these tests: how they are started, what they are at, and whether all is done."""

from procrastinate.contrib.django.models import ProcrastinateJob

from keystone.background.models import TaskOutcome
from keystone.mail.models import MailState, OutgoingMail

OURS = "tests.faults"
UNMAILED = "SELECT 1 FROM keystone_outgoingmail WHERE state = 'queued'"  # what has still to be mailed
PROMISED = 60  # seconds in which the work of a worker that went away is done by others


def smtp(port: int) -> dict[str, str]:
    """The environment of a process that mails to this port, and tries again soon."""
    return {
        "MAIL_FOLDER": "",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(port),
        "SMTP_TLS": "false",
        "TEST_MAIL_RETRY_SECONDS": "1",
    }


def rescued() -> set[str]:
    """The rows that those tasks were to leave whose worker went away."""
    keys = TaskOutcome.objects.filter(rescues__gt=0).values_list("pk", flat=True)
    jobs = ProcrastinateJob.objects.filter(pk__in=list(keys))
    return {job.args["kwargs"].get("what", "begun") for job in jobs}


def all_succeeded() -> bool:
    """Whether no task waits, runs or has failed."""
    return not ProcrastinateJob.objects.exclude(status="succeeded").exists()


def all_mailed() -> bool:
    """Whether no mail waits."""
    return not OutgoingMail.objects.queued().exists()


def states() -> dict[str, int]:
    """How many mails are in each state; those without any are left out."""
    return {
        str(state.value): count for state in MailState if (count := OutgoingMail.objects.filter(state=state).count())
    }
