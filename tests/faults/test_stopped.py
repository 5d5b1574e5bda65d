"""A worker that is stopped in the middle of a transaction holds others up for seconds: PostgreSQL ends it."""

import signal
from pathlib import Path

import pytest

from keystone.background.models import Task
from keystone.mail.models import MailState
from keystone.mail.outbox import Addressee
from keystone.mail.outbox import queue as queue_mails
from tests.faults import effects, tasks
from tests.faults.fleet import OURS, PROMISED, all_mailed, all_succeeded, rescued, smtp, states
from tests.mail.smtp_server import SmtpServer
from tests.measures import Measured
from tests.served.conftest import QUICK, Manage
from tests.served.process import until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("queue", "effect_table"),
]


def unlucky(where: str, file: Path) -> dict[str, str]:
    """The environment of a worker that stops itself there."""
    return {"TEST_APPS": OURS, "FAULTS_WITHOUT": f"luck in {where}", "FAULTS_STOPPED": str(file)}


def test_one_that_is_stopped_while_it_claims_a_mail(
    manage: Manage, sink: SmtpServer, tmp_path: Path, measured: Measured
) -> None:
    stopped = tmp_path / "stopped"
    first = manage("worker", *QUICK, environment=smtp(sink.port) | unlucky("claims", stopped))
    queue_mails("trial", [Addressee(recipient="ann@example.com")])
    until(stopped.exists, alive=first)
    second = manage("worker", *QUICK, environment=smtp(sink.port))
    took = until(all_mailed, seconds=PROMISED, alive=second)
    looks = Task.objects.count()
    measured(f"worker stopped while it claimed a mail: sent after {took:.1f} s, {looks} tasks looked for it")
    assert looks < PROMISED
    first.send(signal.SIGCONT)
    until(all_succeeded, alive=first)
    assert sink.recipients == ["ann@example.com"]
    assert states() == {MailState.SENT: 1}


def test_one_that_is_stopped_while_it_rescues(manage: Manage, tmp_path: Path, measured: Measured) -> None:
    stopped, done = tmp_path / "stopped", tmp_path / "done"
    victim = manage("worker", *QUICK)
    tasks.wait_for.enqueue(path=str(done))
    until(lambda: effects.number() == 1, alive=victim)
    helper = manage("worker", *QUICK, environment=unlucky("rescues", stopped))
    victim.kill()
    until(stopped.exists, alive=helper)
    other = manage("worker", *QUICK)
    took = until(lambda: effects.number() == 2, seconds=PROMISED, alive=other)
    measured(f"worker killed, and another one stopped while it rescued: recovered in {took:.1f} s")
    helper.send(signal.SIGCONT)
    done.touch()
    until(all_succeeded, alive=other)
    assert helper.terminate() == 0
    assert effects.number() == 2
    assert rescued()
