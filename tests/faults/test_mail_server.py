"""Promise 11, with a mail server in trouble: it refuses, hangs, fails and hangs up, and a worker is killed."""

from collections.abc import Callable

import pytest

from keystone.background.models import Task, WorkerProcess
from keystone.background.states import TaskState
from keystone.mail.models import MailState, OutgoingMail
from keystone.mail.outbox import Addressee
from keystone.mail.outbox import queue as queue_mails
from keystone.mail.tasks import deliver_mails
from tests.faults.fleet import PROMISED, all_mailed, smtp, states
from tests.mail.smtp_server import CONNECT, END, RCPT, SmtpServer
from tests.measures import Measured
from tests.served.conftest import QUICK, Manage
from tests.served.process import ManagedProcess, until
from tests.served.server import free_port

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("queue"),
]
MAILS = 10  # in each trouble


def mail(name: str) -> list[str]:
    """Queue mails, in one transaction, and give their addresses."""
    addresses = [f"{name}{number}@example.com" for number in range(MAILS)]
    queue_mails("trial", [Addressee(recipient=address) for address in addresses])
    return addresses


def told(addresses: list[str], words: str, *, of: int = 1) -> Callable[[], bool]:
    """Whether so many of these mails have failed with such words."""
    rows = OutgoingMail.objects.filter(recipient__in=addresses, last_error__contains=words)
    return lambda: rows.count() >= of


def sender(*, among: tuple[ManagedProcess, ...]) -> ManagedProcess:
    """The worker that began last to send mails."""
    running = Task.objects.filter(status=TaskState.RUNNING, task_name=deliver_mails.module_path)
    until(running.exists)
    name = WorkerProcess.objects.get(pk=running.latest("pk").worker_id).name
    return next(worker for worker in among if name.endswith(f":{worker.process.pid}"))


def test_a_mail_server_in_trouble_loses_no_mail(manage: Manage, measured: Measured) -> None:
    port = free_port()
    first = manage("worker", *QUICK, environment=smtp(port))
    second = manage("worker", *QUICK, environment=smtp(port))

    refused = mail("refused")  # nobody listens
    until(told(refused, "cannot be reached", of=MAILS), alive=second)
    with SmtpServer.running(port) as sink:
        sink.hangs_at = CONNECT
        hung = mail("hung")
        until(told(hung, "did not answer in time"), seconds=40, alive=second)
        sink.recover()

        sink.answers[RCPT] = b"451 4.3.0 come again"
        later = mail("later")
        until(told(later, "451 4.3.0 come again", of=MAILS), alive=second)
        sink.recover()

        sink.hangs_up_at = END  # it has taken the mail, and does not say so
        dropped = mail("dropped")
        until(told(dropped, "closed the connection"), alive=second)
        sink.recover()
        taken_without_a_word = sink.steps[END]

        sink.seconds_per_mail = 0.2
        killed_at = mail("killed")
        before = len(sink.messages)
        until(lambda: len(sink.messages) >= before + 3, alive=second)
        sender(among=(first, second)).kill()
        third = manage("worker", *QUICK, environment=smtp(port))
        sink.seconds_per_mail = 0

        sink.refusals["among5@example.com"] = b"550 5.1.1 nobody of this name"
        among = mail("among")
        took = until(all_mailed, seconds=120, alive=third)
        everybody = [*refused, *hung, *later, *dropped, *killed_at, *among]
        lost = set(everybody) - set(sink.recipients) - {"among5@example.com"}
        twice = len(sink.messages) - len(sink.copies)
        measured(
            f"mail server refusing, hanging, 451, 550, hanging up after DATA, worker killed: {len(everybody)} mails, "
            f"lost {len(lost)}, duplicated {twice}, recovered in {took:.1f} s"
        )
        assert lost == set()
        assert states() == {MailState.SENT: len(everybody) - 1, MailState.FAILED: 1}
        failed = OutgoingMail.objects.get(state=MailState.FAILED)
        assert (failed.recipient, failed.last_error, failed.attempts) == (
            "among5@example.com",
            "The mail server refuses the address: 550 5.1.1 nobody of this name",
            1,
        )
        # At most one for each mail that was taken without a word, and for each slot of the killed worker.
        assert 1 <= twice <= taken_without_a_word + 4
        assert took < PROMISED
        assert sink.copies.keys() == set(
            OutgoingMail.objects.filter(state=MailState.SENT).values_list("message_id", flat=True)
        )
