"""Claims: of any number of workers, one sends a mail; and one that goes away holds it for a short while only."""

import threading
import time
from datetime import timedelta
from functools import partial

import pytest
from django.db import OperationalError, connection
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob
from pytest_django import Settings

from keystone.mail import claims, delivery, outbox, retrying
from keystone.mail.claims import LEASE, Claim, claim
from keystone.mail.delivery import deliver
from keystone.mail.failures import Failure
from keystone.mail.models import MailState, OutgoingMail
from keystone.mail.outgoing import Mail
from keystone.mail.retrying import deliver_overdue, put_off, wait_after
from keystone.testing.queued_tasks import QueuedTasks
from tests.at_once import at_once
from tests.mail.sending import only, queued, register, rejection
from tests.mail.smtp_server import SmtpServer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("probe")]


def claimed(mail_id: int) -> Claim:
    found = claim(mail_id)
    assert found is not None
    return found


def let_claims_end() -> None:
    OutgoingMail.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))


def test_a_claimed_mail_is_nobody_elses_until_the_claim_ends() -> None:
    [mail_id] = queued("a@example.com")
    first = claimed(mail_id)
    assert LEASE.total_seconds() - 5 < first.seconds_left <= LEASE.total_seconds()
    assert claim(mail_id) is None
    let_claims_end()
    second = claimed(mail_id)
    assert [first.mail.attempts, second.mail.attempts] == [1, 2]


def test_who_comes_back_after_the_claim_changes_nothing_of_anothers() -> None:
    [mail_id] = queued("a@example.com")
    first = claimed(mail_id)
    let_claims_end()
    second = claimed(mail_id)
    assert first.settle(state=MailState.FAILED) is False
    assert second.settle(state=MailState.SENT, sent_at=timezone.now()) is True
    assert second.settle(state=MailState.FAILED) is False
    assert only(mail_id).state == MailState.SENT


def test_what_is_not_due_or_done_cannot_be_claimed() -> None:
    [mail_id] = queued("a@example.com")
    OutgoingMail.objects.update(next_attempt_at=timezone.now() + timedelta(seconds=30))
    assert claim(mail_id) is None
    OutgoingMail.objects.update(next_attempt_at=None, state=MailState.FAILED)
    assert claim(mail_id) is None
    assert claim(0) is None


def test_a_process_that_was_stopped_for_longer_than_its_claim_sends_nothing(
    smtp: SmtpServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """SIGSTOP looks like this: between the claim and the sending the claim has ended."""
    monkeypatch.setattr(claims, "LEASE", timedelta(seconds=delivery.MARGIN_SECONDS + 0.2))

    def stop(user: object) -> Mail:
        time.sleep(0.3)
        return rejection(user)

    register("slow", stop)
    ids = queued("a@example.com", name="slow")
    assert deliver(ids) == 0
    assert smtp.connections == 0
    assert (only(ids[0]).state, only(ids[0]).attempts) == (MailState.QUEUED, 1)
    assert caplog.messages == [f"Mail {ids[0]} was left to others: this process was stopped for longer than its claim."]


def test_a_mail_that_another_worker_has_gets_a_task_for_when_its_claim_ends(
    queued_tasks: QueuedTasks, smtp: SmtpServer
) -> None:
    ids = queued("a@example.com", "b@example.com")
    until = claimed(ids[0]).until
    assert queued_tasks.run() == 1
    assert smtp.recipients == ["b@example.com"]
    [again] = ProcrastinateJob.objects.filter(status="todo")
    assert again.args["kwargs"] == {"mail_ids": ids[:1]}
    assert again.scheduled_at == until + timedelta(seconds=1)


def test_what_one_task_has_no_time_for_goes_to_another(
    queued_tasks: QueuedTasks, smtp: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "BATCH_SECONDS", 0.2)
    smtp.seconds_per_mail = 0.15
    addresses = [f"p{number}@example.com" for number in range(5)]
    queued(*addresses)
    assert queued_tasks.run() > 1
    assert smtp.recipients == addresses


def test_a_retry_is_a_task_of_the_same_transaction(queued_tasks: QueuedTasks, smtp: SmtpServer) -> None:
    smtp.refusals = {"a@example.com": b"450 not now"}
    [mail_id] = queued("a@example.com")
    assert queued_tasks.run() == 1
    [again] = ProcrastinateJob.objects.filter(status="todo")
    assert again.scheduled_at == only(mail_id).next_attempt_at
    smtp.recover()
    OutgoingMail.objects.update(next_attempt_at=timezone.now())
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE id = %s", [again.pk])
    assert queued_tasks.run() == 1
    assert only(mail_id).state == MailState.SENT


@pytest.mark.usefixtures("queued_tasks")
def test_workers_with_the_same_mails_send_each_once(smtp: SmtpServer) -> None:
    ids = queued(*[f"p{number}@example.com" for number in range(40)])
    taken = at_once(*[partial(deliver, ids)] * 4)
    assert sum(count for count in taken if isinstance(count, int)) == 40
    assert all(isinstance(count, int) for count in taken)
    assert sorted(smtp.copies.values()) == [1] * 40
    assert OutgoingMail.objects.filter(state=MailState.SENT, attempts=1).count() == 40


@pytest.mark.usefixtures("queued_tasks")
def test_a_sent_mail_is_marked_though_the_database_went_away() -> None:
    """As where PostgreSQL is restarted between the sending and the marking."""
    [mail_id] = queued("a@example.com")
    found = claimed(mail_id)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [pid] = cursor.fetchone()
    ended = threading.Thread(target=_end_session, args=(pid,))
    ended.start()
    ended.join()
    assert found.settle_surely(state=MailState.SENT, sent_at=timezone.now())
    assert only(mail_id).state == MailState.SENT


def _end_session(pid: int) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    finally:
        connection.close()


def test_a_database_that_stays_away_ends_the_task(monkeypatch: pytest.MonkeyPatch) -> None:
    [mail_id] = queued("a@example.com")
    found = claimed(mail_id)

    def away(*_: object, **__: object) -> int:
        raise OperationalError

    monkeypatch.setattr("django.db.models.query.QuerySet.update", away)
    with pytest.raises(OperationalError):
        found.settle_surely(state=MailState.SENT)


def test_a_database_that_is_away_while_a_mail_is_made_ends_the_task(smtp: SmtpServer) -> None:
    def away(user: object) -> Mail:
        raise OperationalError

    register("away", away)
    ids = queued("a@example.com", name="away")
    with pytest.raises(OperationalError):
        deliver(ids)
    assert (only(ids[0]).state, only(ids[0]).last_error) == (MailState.QUEUED, "")


def test_waits_grow_to_a_day_and_a_half_in_all() -> None:
    waits = [wait_after(attempts) for attempts in range(1, retrying.MAX_ATTEMPTS)]
    assert timedelta(seconds=8) <= waits[0] <= timedelta(seconds=12)
    assert timedelta(hours=3) < waits[-1] < timedelta(hours=5)
    assert timedelta(hours=30) < sum(waits, timedelta()) < timedelta(hours=46)


def test_putting_off_leaves_what_others_have() -> None:
    ids = queued("a@example.com", "b@example.com")
    claimed(ids[0])
    put_off(ids, Failure("why"))
    assert [only(mail_id).last_error for mail_id in ids] == ["", "why"]
    put_off(ids, Failure("not due any more"))
    assert only(ids[1]).last_error == "why"


def test_overdue_mails_get_a_task_again(queued_tasks: QueuedTasks, smtp: SmtpServer, settings: Settings) -> None:
    ids = queued("late@example.com", "claimed@example.com", "young@example.com", "undated@example.com")
    late = timezone.now() - retrying.OVERDUE - timedelta(seconds=1)
    OutgoingMail.objects.filter(pk__in=ids[:2]).update(next_attempt_at=late)
    OutgoingMail.objects.filter(pk=ids[3]).update(next_attempt_at=None)
    claimed(ids[1])
    assert deliver_overdue() == 0  # their task is there, and workers are only late
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")
    assert deliver_overdue() == 2
    assert deliver_overdue() == 0
    assert queued_tasks.run() == 1
    assert sorted(smtp.recipients) == ["late@example.com", "undated@example.com"]


def test_nothing_overdue_enqueues_nothing(queued_tasks: QueuedTasks) -> None:
    assert deliver_overdue() == 0
    outbox.deliver_later([])
    assert not ProcrastinateJob.objects.exists()
