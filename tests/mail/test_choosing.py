"""Choosers: what an address gets is decided in the worker, and what was queued looks the same either way."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.core.mail import EmailMessage
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from keystone.accounts.emails import queue_registration_email
from keystone.accounts.registration import register_user
from keystone.accounts.status import Status
from keystone.mail import delivery, registry
from keystone.mail.claims import claim_due
from keystone.mail.models import MailState, OutgoingMail
from keystone.mail.pruning import prune_mails
from keystone.mail.registry import Choice, chooser
from keystone.testing.factories import UserFactory
from keystone.testing.queued_tasks import QueuedTasks
from tests.mail.sending import deliver, only, queued
from tests.mail.smtp_server import SmtpServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def choosers() -> Iterator[dict[str, registry.Chooser]]:
    """The registry, put back after the test."""
    kept = dict(registry.CHOOSERS)
    yield registry.CHOOSERS
    registry.CHOOSERS.clear()
    registry.CHOOSERS.update(kept)


def registrations() -> list[int]:
    return list(OutgoingMail.objects.order_by("pk").values_list("pk", flat=True))


def test_the_row_becomes_the_mail_that_was_chosen(mailoutbox: list[EmailMessage]) -> None:
    ann = UserFactory(email="Ann@example.com", status=Status.PENDING_EMAIL_VERIFICATION)
    bob = UserFactory(email="bob@example.com")
    for address in ("ann@EXAMPLE.com", "bob@example.com"):
        queue_registration_email(address, otherwise="already_registered")
    before = [(row.template, row.recipient, row.user, row.context) for row in OutgoingMail.objects.order_by("pk")]
    said = {"otherwise": "already_registered"}
    assert before == [("registration", address, None, said) for address in ("ann@example.com", "bob@example.com")]
    assert deliver(registrations()) == 2
    after = OutgoingMail.objects.order_by("pk").values_list("template", "recipient", "user", "context", "state")
    assert list(after) == [
        ("verify_email", "Ann@example.com", ann.pk, {}, "sent"),
        ("already_registered", "bob@example.com", bob.pk, {}, "sent"),
    ]
    assert [mail.to for mail in mailoutbox] == [["Ann@example.com"], ["bob@example.com"]]


def test_a_row_for_which_nothing_is_chosen_goes(mailoutbox: list[EmailMessage]) -> None:
    UserFactory(email="ann@example.com")
    for address in ("ann@example.com", "nobody@example.com"):
        queue_registration_email(address)
    assert deliver(registrations()) == 0
    assert not OutgoingMail.objects.exists()
    assert mailoutbox == []


def test_a_mail_that_is_tried_again_is_chosen_and_counted_once(smtp: SmtpServer) -> None:
    """A second mail to the address would have to wait a minute."""
    UserFactory(email="ann@example.com", status=Status.PENDING_EMAIL_VERIFICATION)
    queue_registration_email("ann@example.com")
    [key] = registrations()
    smtp.refusals = {"ann@example.com": b"450 not now"}
    assert deliver([key]) == 0
    assert (only(key).template, only(key).state) == ("verify_email", MailState.QUEUED)
    smtp.recover()
    OutgoingMail.objects.update(next_attempt_at=timezone.now())
    assert deliver([key]) == 1


def test_a_cancelled_row_is_not_chosen(choosers: dict[str, registry.Chooser]) -> None:
    asked: list[str] = []

    @chooser(label="Trial")
    def either(address: str) -> Choice | None:
        asked.append(address)
        return None

    [key] = queued("a@example.com", name="either")
    claims = claim_due()
    OutgoingMail.objects.update(state=MailState.OBSOLETE)
    assert [claim.begin() for claim in claims] == [False]
    assert (deliver([key]), asked, registry.label_of("either")) == (0, [], "Trial")


def test_a_registration_is_one_row_and_one_task_for_every_address(queued_tasks: QueuedTasks) -> None:
    UserFactory(email="known@example.com")
    for address in ("known@example.com", "new@example.com"):
        register_user(email=address, password="a good long one")
    rows = [(row.template, row.recipient, row.user) for row in OutgoingMail.objects.order_by("pk")]
    assert rows == [("registration", "known@example.com", None), ("registration", "new@example.com", None)]
    assert ProcrastinateJob.objects.count() == 2
    assert queued_tasks.run() == 2
    sent = OutgoingMail.objects.order_by("pk").values_list("template", "state")
    assert list(sent) == [("already_registered", "sent"), ("verify_email", "sent")]


def test_a_worker_that_has_lost_its_claim_neither_chooses_nor_counts(choosers: dict[str, registry.Chooser]) -> None:
    """Otherwise the count would be in the way of the worker that has the mail now."""
    asked: list[str] = []

    @chooser(label="Trial")
    def either(address: str) -> Choice | None:
        asked.append(address)
        return None

    queued("a@example.com", name="either")
    [claimed] = claim_due()
    assert claimed.begin()
    OutgoingMail.objects.update(claimed_until=timezone.now())
    assert delivery._build(claimed) is None
    assert (asked, OutgoingMail.objects.count()) == ([], 1)


def test_undecided_rows_that_failed_are_not_kept_as_long_as_other_failures() -> None:
    """They may hold addresses of people who have no account."""
    for address in ("a@example.com", "b@example.com"):
        queue_registration_email(address)
    OutgoingMail.objects.update(state=MailState.FAILED, updated_at=timezone.now() - timedelta(days=100))
    OutgoingMail.objects.filter(recipient="a@example.com").update(template="verify_email")
    assert prune_mails(older_than=timedelta(days=90)) == 1
    assert OutgoingMail.objects.get().template == "verify_email"
