"""Claims: of any number of workers, one sends a mail; and one that goes away holds it for a short while only."""

import threading
import time
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from keystone.background.models import TaskOutcome
from keystone.mail import claims, delivery, retrying, tasks
from keystone.mail.claims import LEASE, Claim, claim_due
from keystone.mail.delivery import deliver as deliver_claims
from keystone.mail.failures import Failure
from keystone.mail.jobs import deliver_overdue
from keystone.mail.models import MailState, OutgoingMail
from keystone.mail.outgoing import Mail
from keystone.mail.retrying import Schedule, put_off
from keystone.testing.queued_tasks import QueuedTasks
from tests.at_once import at_once
from tests.mail.sending import deliver, only, queued, register, rejection
from tests.mail.smtp_server import DATA, SmtpServer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("probe")]


def claimed(mail_id: int) -> Claim:
    [found] = claim_due(only=[mail_id])
    return found


def let_claims_end() -> None:
    OutgoingMail.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))


def test_a_claimed_mail_is_nobody_elses_until_the_claim_ends() -> None:
    [mail_id] = queued("a@example.com")
    first = claimed(mail_id)
    assert LEASE.total_seconds() - 5 < first.seconds_left <= LEASE.total_seconds()
    assert claim_due() == []
    assert first.begin()
    let_claims_end()
    second = claimed(mail_id)
    assert (first.begin(), second.begin()) == (False, True)
    assert only(mail_id).attempts == 2


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
    queued("a@example.com")
    OutgoingMail.objects.update(next_attempt_at=timezone.now() + timedelta(seconds=30))
    assert claim_due() == []
    OutgoingMail.objects.update(next_attempt_at=timezone.now(), state=MailState.FAILED)
    assert claim_due() == []
    assert claim_due(only=[0]) == []


def test_what_has_been_due_for_longest_is_claimed_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "BATCH_SIZE", 2)
    ids = queued("a@example.com", "b@example.com", "c@example.com")
    OutgoingMail.objects.filter(pk=ids[2]).update(next_attempt_at=timezone.now() - timedelta(hours=1))
    assert [[claim.mail.pk for claim in claim_due()] for _ in range(2)] == [[ids[2], ids[0]], [ids[1]]]


def test_claiming_goes_through_the_index_of_the_queue() -> None:
    queued(*[f"p{number}@example.com" for number in range(500)])
    OutgoingMail.objects.filter(pk__gt=OutgoingMail.objects.earliest("pk").pk + 20).update(
        state=MailState.SENT, sent_at=timezone.now()
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE keystone_outgoingmail")
    due = OutgoingMail.objects.due().order_by("next_attempt_at", "pk").select_for_update(skip_locked=True, no_key=True)
    assert "mail_queued" in due[:100].explain()


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


def test_mails_of_a_worker_that_went_away_are_looked_for_when_their_claim_has_ended(
    queued_tasks: QueuedTasks, smtp: SmtpServer
) -> None:
    """Its task comes again, and may do so before that."""
    ids = queued("a@example.com", "b@example.com")
    until = claimed(ids[0]).until
    TaskOutcome.objects.create(job_id=ProcrastinateJob.objects.get().pk, rescues=1)
    assert queued_tasks.run() == 1
    assert smtp.recipients == ["b@example.com"]
    waiting = ProcrastinateJob.objects.filter(status="todo").values_list("scheduled_at", flat=True)
    soon, end = sorted(waiting)
    assert timedelta(seconds=5) < soon - timezone.now() <= claims.IDLE
    assert end == until


def test_a_full_batch_wakes_another_worker_up(
    queued_tasks: QueuedTasks, smtp: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (claims, tasks):
        monkeypatch.setattr(module, "BATCH_SIZE", 3)
    addresses = [f"p{number}@example.com" for number in range(7)]
    queued(*addresses)
    assert queued_tasks.run() == 3
    assert sorted(smtp.recipients) == addresses


def test_what_one_task_has_no_time_for_goes_to_another(
    queued_tasks: QueuedTasks, smtp: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "BATCH_SECONDS", 0.2)
    smtp.seconds_per_mail = 0.15
    addresses = [f"p{number}@example.com" for number in range(5)]
    queued(*addresses)
    assert queued_tasks.run() > 1
    assert smtp.recipients == addresses


def test_a_batch_of_which_some_failed_wakes_a_worker_up_for_the_first_retry(
    queued_tasks: QueuedTasks, smtp: SmtpServer
) -> None:
    smtp.refusals = {"a@example.com": b"450 not now", "b@example.com": b"450 not now"}
    ids = queued("a@example.com", "b@example.com", "c@example.com")
    assert queued_tasks.run() == 1
    [again] = ProcrastinateJob.objects.filter(status="todo")
    assert {only(mail_id).next_attempt_at for mail_id in ids[:2]} == {again.scheduled_at}
    smtp.recover()
    OutgoingMail.objects.update(next_attempt_at=timezone.now())
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE id = %s", [again.pk])
    assert queued_tasks.run() == 1
    assert [only(mail_id).state for mail_id in ids] == [MailState.SENT] * 3


@pytest.mark.usefixtures("queued_tasks")
def test_workers_with_the_same_mails_send_each_once(smtp: SmtpServer) -> None:
    ids = queued(*[f"p{number}@example.com" for number in range(40)])
    ended = at_once(*[lambda: deliver_claims(claim_due(only=ids))] * 4)
    assert ended == [set()] * 4  # nothing raised, and nothing is left to be tried again
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
    schedule = Schedule()
    waits = [schedule.after(attempts) - schedule.began for attempts in range(1, retrying.MAX_ATTEMPTS)]
    assert timedelta(seconds=8) <= waits[0] <= timedelta(seconds=12)
    assert timedelta(hours=3) < waits[-1] < timedelta(hours=5)
    assert timedelta(hours=30) < sum(waits, timedelta()) < timedelta(hours=46)


def test_putting_off_leaves_what_others_have() -> None:
    ids = queued("a@example.com", "b@example.com")
    claims_made = claim_due()
    OutgoingMail.objects.filter(pk=ids[0]).update(claimed_until=timezone.now() + timedelta(seconds=9))
    put_off(claims_made, Failure("why"), Schedule())
    assert [only(mail_id).last_error for mail_id in ids] == ["", "why"]
    put_off(claims_made, Failure("not claimed any more"), Schedule())
    assert [only(mail_id).last_error for mail_id in ids] == ["", "why"]


def test_what_is_put_off_too_often_fails() -> None:
    [mail_id] = queued("a@example.com")
    OutgoingMail.objects.update(attempts=retrying.MAX_ATTEMPTS - 1)
    put_off(claim_due(), Failure("why"), Schedule())
    assert (only(mail_id).state, only(mail_id).attempts) == (MailState.FAILED, retrying.MAX_ATTEMPTS)


def test_overdue_mails_wake_a_worker_up(queued_tasks: QueuedTasks, smtp: SmtpServer) -> None:
    ids = queued("late@example.com", "claimed@example.com", "young@example.com")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")
    assert deliver_overdue() == {"mails": 0}
    assert not ProcrastinateJob.objects.exists()
    OutgoingMail.objects.filter(pk__in=ids[:2]).update(next_attempt_at=timezone.now() - retrying.OVERDUE)
    claimed(ids[1])
    assert deliver_overdue() == {"mails": 1}
    assert queued_tasks.run() == 1
    assert sorted(smtp.recipients) == ["late@example.com", "young@example.com"]


def test_retries_of_mails_with_different_attempts_each_have_their_wake_up(
    queued_tasks: QueuedTasks, smtp: SmtpServer
) -> None:
    smtp.refusals = {"a@example.com": b"450 not now", "b@example.com": b"450 not now"}
    ids = queued("a@example.com", "b@example.com")
    OutgoingMail.objects.filter(pk=ids[1]).update(attempts=5)
    assert queued_tasks.run() == 1
    waiting = ProcrastinateJob.objects.filter(status="todo").order_by("scheduled_at")
    assert list(waiting.values_list("scheduled_at", flat=True)) == [only(mail_id).next_attempt_at for mail_id in ids]


def test_a_server_that_hangs_postpones_the_rest_of_the_batch(smtp: SmtpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "BATCH_SECONDS", 0.1)
    monkeypatch.setattr(delivery, "SEND_SECONDS", 0.3)
    smtp.hangs_at = DATA
    ids = queued("a@example.com", "b@example.com")
    [moment] = deliver_claims(claim_due())
    assert [only(mail_id).attempts for mail_id in ids] == [1, 1]
    assert moment > timezone.now() + timedelta(seconds=5)


def test_a_mail_that_breaks_off_the_batch_releases_the_others() -> None:
    def away(user: object) -> Mail:
        raise OperationalError

    register("away", away)
    ids = [*queued("a@example.com", name="away"), *queued("b@example.com")]
    with pytest.raises(OperationalError):
        deliver(ids)
    assert [claim.mail.pk for claim in claim_due()] == ids[1:]
