"""Promise 11: whatever becomes of workers, nothing that was acknowledged is lost, and others go on within a minute."""

import os
import random
import signal
import time
from pathlib import Path

import pytest
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from keystone.accounts.models import User
from keystone.background.backend import enqueue_many
from keystone.background.models import TaskOutcome, WorkerProcess
from keystone.mail.models import OutgoingMail
from keystone.mail.outbox import Addressee
from keystone.mail.outbox import queue as queue_mails
from tests.faults import effects, tasks
from tests.faults.fleet import OURS, PROMISED, all_mailed, all_succeeded, rescued, smtp
from tests.faults.registering import Registrations
from tests.mail.smtp_server import SmtpServer
from tests.measures import Measured
from tests.served.conftest import QUICK, WIDE, Manage, Serve
from tests.served.process import ManagedProcess, until
from tests.served.server import START_LIMIT

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("queue", "effect_table"),
]
TASKS = 400
MOMENTS = int(os.environ.get("FAULT_MOMENTS", "8"))  # scripts/faults.sh takes 50


def enqueue(count: int = TASKS, *, seconds: float = 0.05) -> list[str]:
    """Enqueue so many tasks that take so long, and give what each is to leave."""
    things = [str(number) for number in range(count)]
    enqueue_many(tasks.work, [{"what": what, "seconds": seconds} for what in things])
    return things


def figures(things: list[str]) -> tuple[int, int]:
    """How many things were not done, and how many were done more than once, each as often as it was."""
    done = effects.counted()
    return sum(what not in done for what in things), sum(done.values()) - len(done)


def test_a_killed_worker_loses_nothing(manage: Manage, measured: Measured) -> None:
    first, second = manage("worker", *QUICK), manage("worker", *QUICK)
    things = enqueue()
    until(lambda: effects.number() >= TASKS // 8, alive=second)
    first.kill()
    killed = timezone.now()
    until(all_succeeded, seconds=PROMISED, alive=second)
    interrupted = rescued()
    lost, twice = figures(things)
    recovered = (effects.last_of(interrupted) - killed).total_seconds()
    measured(
        f"worker killed among {TASKS} tasks: lost {lost}, duplicated {twice}, {len(interrupted)} interrupted, "
        f"recovered in {recovered:.1f} s (dead after 1 s instead of 30)"
    )
    assert lost == 0
    assert 1 <= len(interrupted) <= 4
    assert twice <= len(interrupted)


def test_a_stopped_worker_loses_nothing_and_goes_on(manage: Manage, measured: Measured) -> None:
    first, second = manage("worker", *QUICK), manage("worker", *QUICK)
    things = enqueue()
    until(lambda: effects.number() >= TASKS // 8, alive=second)
    first.send(signal.SIGSTOP)
    stopped = timezone.now()
    until(all_succeeded, seconds=PROMISED, alive=second)
    interrupted = rescued()
    recovered = (effects.last_of(interrupted) - stopped).total_seconds()
    first.send(signal.SIGCONT)
    until(lambda: WorkerProcess.objects.count() == 2, alive=first)
    assert second.terminate() == 0
    more = [f"more {number}" for number in range(20)]
    enqueue_many(tasks.work, [{"what": what} for what in more])
    until(all_succeeded, alive=first)
    assert first.terminate() == 0
    lost, twice = figures([*things, *more])
    measured(
        f"worker stopped among {TASKS} tasks, and continued: lost {lost}, duplicated {twice}, {len(interrupted)} "
        f"interrupted, recovered in {recovered:.1f} s (dead after 1 s instead of 30)"
    )
    assert lost == 0
    assert 1 <= len(interrupted) <= 4
    assert twice <= len(interrupted)


def test_control_without_the_rescue_a_killed_worker_loses_tasks(manage: Manage, measured: Measured) -> None:
    without = {"TEST_APPS": OURS, "FAULTS_WITHOUT": "rescue"}
    first = manage("worker", *QUICK, environment=without)
    second = manage("worker", *QUICK, environment=without)
    things = enqueue(48, seconds=0.5)
    until(lambda: effects.number() >= 8, alive=second)
    time.sleep(0.2)  # all are in the middle of one
    first.kill()
    until(lambda: not ProcrastinateJob.objects.filter(status="todo").exists(), alive=second)
    time.sleep(4)  # four times as long as a rescue takes
    assert second.terminate() == 0
    interrupted = ProcrastinateJob.objects.filter(status="doing").count()
    lost, _ = figures(things)
    measured(f"control, workers without the rescue, one killed: lost {lost} of {interrupted} interrupted")
    assert lost > 0


@pytest.mark.parametrize("guarded", [True, False], ids=["fenced", "control_without_the_fence"])
def test_a_stopped_worker_does_not_end_the_attempt_of_another(manage: Manage, tmp_path: Path, guarded: bool) -> None:
    environment = {} if guarded else {"TEST_APPS": OURS, "FAULTS_WITHOUT": "fence"}
    old = tmp_path / "old"
    first = manage("worker", *QUICK, "--concurrency", "1", environment=environment)
    task = tasks.wait_for.enqueue(path=str(old))
    until(lambda: effects.number() == 1, alive=first)
    first.send(signal.SIGSTOP)
    second = manage("worker", *QUICK, "--concurrency", "1")
    until(lambda: effects.number() == 2, alive=second)
    second.send(signal.SIGSTOP)  # it has the task, and must not see the file before the row is looked at
    second_has = ProcrastinateJob.objects.get(pk=int(task.id))
    assert second_has.status == "doing"
    old.touch()
    first.send(signal.SIGCONT)
    if guarded:
        until(lambda: "was another worker's by then" in first.said, alive=first)
    else:
        until(lambda: ProcrastinateJob.objects.get(pk=int(task.id)).status == "succeeded", alive=first)
    second.send(signal.SIGCONT)
    until(all_succeeded, alive=second)


def test_with_the_defaults_others_go_on_within_a_minute(manage: Manage, sink: SmtpServer, measured: Measured) -> None:
    """Nothing is shortened: neither signs of life, nor the claim of a mail."""
    environment = smtp(sink.port) | {"TEST_MAIL_RETRY_SECONDS": "10"}
    first = manage("worker", environment=environment)
    second = manage("worker", environment=environment)
    sink.seconds_per_mail = 0.5
    addressees = [Addressee(recipient=f"n{number}@example.com") for number in range(16)]
    for addressee in addressees:
        queue_mails("trial", [addressee])
    things = enqueue(60)
    until(lambda: len(sink.messages) >= 4, alive=second)
    first.kill()
    took = until(lambda: all_succeeded() and all_mailed(), seconds=90, alive=second)
    lost, twice = figures(things)
    unsent = len(addressees) - len(set(sink.recipients))
    twice += len(sink.messages) - len(sink.copies)
    measured(
        f"defaults, worker killed among tasks and mails: lost {lost + unsent}, duplicated {twice}, "
        f"recovered in {took:.1f} s"
    )
    assert (lost, unsent) == (0, 0)
    assert took < PROMISED
    assert 1 <= TaskOutcome.objects.filter(rescues=1).count() <= 4
    assert twice <= 4


def test_workers_that_end_at_random_moments_lose_no_mail(
    manage: Manage, serve: Serve, sink: SmtpServer, measured: Measured
) -> None:
    chance = random.Random(11)  # noqa: S311 - the same moments each time
    server = serve(TEST_TASKS="queue", **WIDE)
    sink.seconds_per_mail = 0.03
    ended: list[tuple[ManagedProcess, signal.Signals]] = []
    environment = smtp(sink.port)
    fleet = [manage("worker", *QUICK, wait=False, environment=environment) for _ in range(3)]
    with Registrations(server) as registrations:
        while len(ended) < MOMENTS:
            until(lambda: any(worker.health_file.exists() for worker in fleet), seconds=START_LIMIT)
            time.sleep(chance.uniform(0, 0.6))
            victim = chance.choice([worker for worker in fleet if worker.health_file.exists()])
            number = chance.choice([signal.SIGKILL, signal.SIGTERM])
            victim.send(number)
            ended.append((victim, number))
            fleet.remove(victim)
            fleet.append(manage("worker", *QUICK, wait=False, environment=environment))
    last_end = timezone.now()
    took = until(all_mailed, seconds=120, alive=fleet[-1])
    # The task of a mail that another worker had claimed comes again when that claim would have ended.
    until(all_succeeded, seconds=2 * PROMISED, alive=fleet[-1])
    for victim, number in ended:
        assert victim.process.wait(timeout=60) == (0 if number is signal.SIGTERM else -signal.SIGKILL), victim.said
    acknowledged = registrations.acknowledged
    killed = sum(number is signal.SIGKILL for _, number in ended)
    lost = len(set(acknowledged) - set(User.objects.values_list("email", flat=True)))
    unsent = len(set(acknowledged) - set(sink.recipients))
    twice = len(sink.messages) - len(sink.copies)
    waits = [(mail.sent_at - mail.created_at).total_seconds() for mail in OutgoingMail.objects.all() if mail.sent_at]
    measured(
        f"{killed} kills and {MOMENTS - killed} terminations at random moments, {len(acknowledged)} registrations: "
        f"lost {lost + unsent}, duplicated {twice}, the last mail {took:.1f} s after the last end, "
        f"slowest {max(waits):.1f} s"
    )
    assert set(registrations.answers) <= {202, 503}  # a busy machine may ask somebody to come again
    assert len(acknowledged) > MOMENTS
    assert (lost, unsent) == (0, 0)
    assert took < PROMISED, last_end
    assert twice <= killed
    # A copy has the Message-ID of its row, which does not change.
    assert sink.copies.keys() == set(OutgoingMail.objects.values_list("message_id", flat=True))
