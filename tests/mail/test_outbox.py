"""The outbox: what is written in the transaction of a decision, and what is not."""

from datetime import timedelta
from functools import partial

import pytest
from django.core.mail import EmailMessage
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from keystone.accounts.emails import queue_email
from keystone.accounts.models import User
from keystone.mail import outbox
from keystone.mail.models import MailState, OutgoingMail
from keystone.mail.outbox import Addressee
from keystone.mail.registry import UnknownEmail
from keystone.observability.origin import origin
from keystone.testing.factories import UserFactory
from keystone.testing.queued_tasks import QueuedTasks
from tests.at_once import at_once
from tests.mail.sending import only, queued

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("probe")]

TOKEN = "A" * 43


def test_a_row_has_what_the_mail_is_made_from() -> None:
    user = UserFactory(email="Ann@Example.com")
    with origin(request_id="r-1"):
        assert queue_email("rejected", [user.pk], key="k", reason="why", until="") == 1
    row = OutgoingMail.objects.get()
    assert (row.template, row.recipient, row.user, row.context) == (
        "rejected",
        "Ann@Example.com",
        user,
        {"reason": "why"},
    )
    assert (row.state, row.attempts, row.request_id) == (MailState.QUEUED, 0, "r-1")
    assert row.idempotency_key == f"rejected:k:{user.pk}"
    assert abs(timezone.now() - row.next_attempt_at) < timedelta(minutes=1)
    assert row.message_id.endswith("@example.com>")


def test_a_second_mail_with_the_same_key_is_not_written() -> None:
    people = [UserFactory().pk, UserFactory().pk]
    assert queue_email("rejected", people[:1], key="k") == 1
    assert queue_email("rejected", people, key="k") == 1
    assert queue_email("rejected", people, key="another") == 2
    assert queue_email("rejected", people) == 2
    assert OutgoingMail.objects.count() == 6


def test_who_has_gone_gets_no_row() -> None:
    user = UserFactory()
    key = user.pk
    user.delete()
    assert queue_email("rejected", [key]) == 0


def test_a_row_outlives_its_person() -> None:
    user = UserFactory()
    queue_email("rejected", [user.pk])
    user.delete()
    assert OutgoingMail.objects.get().user is None


@pytest.mark.parametrize("name", ["token", "reset_token", "password", "secret", "link", "reset_link", "url"])
def test_a_context_names_no_secret(name: str) -> None:
    with pytest.raises(ValueError, match=f"'{name}' has no place in the outbox"):
        queued("a@example.com", **{name: "x"})
    assert not OutgoingMail.objects.exists()


def test_a_context_holds_texts_and_numbers_only() -> None:
    with pytest.raises(ValueError, match="'at' is to be a text or a number, not a datetime"):
        outbox.queue("probe", [Addressee(recipient="a@example.com")], context={"at": timezone.now()})  # type: ignore[dict-item]  # on purpose


def test_a_token_that_somebody_typed_is_not_kept() -> None:
    [mail_id] = queued("a@example.com", reason=f"see https://id.example.com/reset-password/{TOKEN}/")
    assert only(mail_id).context == {"reason": "see https://id.example.com/reset-password/…/"}


@pytest.mark.parametrize("reason", ["Password: too short", "Your code: 123456 was wrong", "token: bring the paper"])
def test_words_that_somebody_wrote_arrive_as_they_are(reason: str) -> None:
    [mail_id] = queued("a@example.com", reason=reason)
    assert only(mail_id).context == {"reason": reason}


def test_what_the_database_cannot_hold_is_left_out() -> None:
    [mail_id] = queued("a@example.com", reason="a\x00b\ud800c")
    assert only(mail_id).context == {"reason": "abc"}


def test_an_unknown_mail_is_refused() -> None:
    with pytest.raises(UnknownEmail, match="There is no mail 'aproved'"):
        queued("a@example.com", name="aproved")


def test_a_mail_about_a_person_needs_one() -> None:
    with pytest.raises(ValueError, match="'approved' is about a person"):
        queued("a@example.com", name="approved")


@pytest.mark.usefixtures("queue")
def test_many_people_take_a_few_statements() -> None:
    """And one task, however many there are."""
    with CaptureQueriesContext(connection) as counted:
        queued(*[f"p{number}@example.com" for number in range(2_500)])
    assert len(counted) == 4
    assert ProcrastinateJob.objects.filter(task_name="keystone.mail.tasks.deliver_mails").count() == 1


def test_a_transaction_wakes_one_worker_up_for_each_moment(queued_tasks: QueuedTasks) -> None:
    later = timezone.now() + timedelta(hours=1)
    with transaction.atomic():
        with transaction.atomic():
            queued("taken.back@example.com")
            transaction.set_rollback(True)
        for address in ("a@example.com", "b@example.com"):
            queued(address)
            outbox.queue("probe", [Addressee(recipient=address)], at=later)
    queued("c@example.com")
    moments = ProcrastinateJob.objects.order_by("pk").values_list("scheduled_at", flat=True)
    assert list(moments) == [None, later, None]


def test_a_rollback_leaves_neither_row_nor_task(queued_tasks: QueuedTasks) -> None:
    with transaction.atomic():
        queued("a@example.com")
        transaction.set_rollback(True)
    assert not OutgoingMail.objects.exists()
    assert not ProcrastinateJob.objects.exists()


def test_a_worker_sends_what_was_committed(queued_tasks: QueuedTasks, mailoutbox: list[EmailMessage]) -> None:
    with origin(request_id="r-7"):
        [mail_id] = queued("a@example.com")
    [job] = ProcrastinateJob.objects.all()
    assert (job.queue_name, job.args["kwargs"]) == ("mail", {})
    assert queued_tasks.run() == 1
    assert [mail.to for mail in mailoutbox] == [["a@example.com"]]
    assert only(mail_id).state == MailState.SENT


@pytest.mark.usefixtures("queued_tasks")
def test_of_two_who_queue_the_same_at_once_one_writes() -> None:
    """The second waits for the first to commit or to roll back."""
    write = partial(outbox.queue, "probe", [Addressee(recipient="a@example.com", key="the decision")])
    written = at_once(*[write] * 8)
    row = OutgoingMail.objects.get()
    assert written.count([row.pk]) == 1
    assert written.count([]) == 7
    assert not User.objects.exists()
