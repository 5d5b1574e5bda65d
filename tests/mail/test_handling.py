"""Sending mails again, mailing an address after all, and sending tests."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.utils import timezone

from keystone.accounts.emails import queue_email
from keystone.actors.actor import Actor
from keystone.audit.models import AuditEvent
from keystone.mail.handling import (
    MOST_AT_ONCE,
    NoRecipient,
    ResendResult,
    TooManyMails,
    lift_suppressions,
    resend_mails,
    send_test_mail,
)
from keystone.mail.models import MailState, OutgoingMail, SuppressedAddress
from keystone.mail.registry import UnknownEmail
from keystone.observability.origin import origin
from keystone.testing.factories import UserFactory, superuser
from tests.mail.rows import outgoing

pytestmark = pytest.mark.django_db
CLI = Actor(kind=Actor.cli().kind, label="ops")


@pytest.mark.parametrize("state", [MailState.FAILED, MailState.BOUNCED, MailState.SUPPRESSED, MailState.OBSOLETE])
def test_a_mail_is_queued_again_with_all_its_attempts(state: MailState) -> None:
    ann = UserFactory(email="ann@example.com")
    mail = outgoing(state, user=ann, last_error="550", provider_id="p1", claimed_until=timezone.now())
    with origin(request_id="abcdef123456"):
        assert resend_mails([mail.pk], by=CLI) == ResendResult(resent=1)
    again = OutgoingMail.objects.get()
    assert (again.state, again.attempts, again.last_error, again.provider_id) == (MailState.QUEUED, 0, "", "")
    assert (again.is_postponed, again.claimed_until, again.sent_at) == (False, None, None)
    assert again.updated_at > mail.updated_at
    event = AuditEvent.objects.get()
    assert (event.action, event.actor_label, event.request_id) == ("mail.resent", "ops", "abcdef123456")
    assert event.changes == {"state": [state, "queued"]}
    assert (event.target_type, event.target_id) == ("outgoingmail", str(mail.pk))


def test_a_mail_that_is_sent_again_arrives(do: Callable[..., Any], mailoutbox: list[EmailMessage]) -> None:
    ann = UserFactory(email="ann@example.com")
    do(queue_email, "rejected", [ann.pk], reason="Fees")
    mail = OutgoingMail.objects.get()
    assert mail.state == MailState.SENT
    assert do(resend_mails, [mail.pk], by=CLI, even_sent=True) == ResendResult(resent=1)
    assert [message.to for message in mailoutbox] == [["ann@example.com"]] * 2
    assert "Fees" in str(mailoutbox[1].body)
    mail.refresh_from_db()
    assert (mail.state, mail.attempts) == (MailState.SENT, 1)


@pytest.mark.parametrize(
    ("state", "is_new"), [(MailState.SENT, True), (MailState.BOUNCED, True), (MailState.FAILED, False)]
)
def test_only_what_a_server_has_taken_gets_another_message_id(state: MailState, is_new: bool) -> None:
    mail = outgoing(state)
    resend_mails([mail.pk], by=CLI, even_sent=True)
    assert (OutgoingMail.objects.get().message_id != mail.message_id) is is_new


def test_what_cannot_or_need_not_be_sent_again_stays_as_it_is() -> None:
    SuppressedAddress.objects.create(address="bob@example.com", reason="bounced")
    rows = [
        outgoing(MailState.FAILED),
        outgoing(MailState.QUEUED),
        outgoing(MailState.SENT),
        outgoing(MailState.SUPPRESSED, recipient="Bob@Example.com"),
    ]
    outcome = resend_mails([row.pk for row in rows] + [0], by=CLI)
    assert outcome == ResendResult(resent=1, queued=1, sent=1, suppressed=1)
    assert list(OutgoingMail.objects.order_by("pk").values_list("state", "attempts")) == [
        ("queued", 0),
        ("queued", 3),
        ("sent", 3),
        ("suppressed", 3),
    ]
    assert AuditEvent.objects.count() == 1


def test_a_mail_that_waits_for_its_next_attempt_is_tried_now(
    do: Callable[..., Any], mailoutbox: list[EmailMessage]
) -> None:
    ann = UserFactory(email="ann@example.com")
    later = timezone.now() + timedelta(hours=4)
    mail = outgoing(
        MailState.QUEUED, user=ann, next_attempt_at=later, last_error="The mail server closed the connection."
    )
    assert do(resend_mails, [mail.pk], by=CLI) == ResendResult(resent=1)
    assert [message.to for message in mailoutbox] == [["ann@example.com"]]
    again = OutgoingMail.objects.get()
    assert (again.state, again.attempts, again.message_id) == (MailState.SENT, 1, mail.message_id)
    [before, after] = AuditEvent.objects.get().changes["next_attempt_at"]
    assert before == f"{later:%Y-%m-%dT%H:%M:%S}.{later.microsecond // 1000:03}Z"
    assert after < before


def test_a_mail_that_a_worker_is_at_is_left_to_it() -> None:
    now = timezone.now()
    claimed = {"next_attempt_at": now + timedelta(hours=4), "claimed_until": now + timedelta(seconds=9)}
    mail = outgoing(MailState.QUEUED, **claimed)
    assert resend_mails([mail.pk], by=CLI) == ResendResult(queued=1)
    assert OutgoingMail.objects.get().claimed_until == claimed["claimed_until"]


def test_too_many_mails_are_refused_as_a_whole() -> None:
    mail = outgoing()
    with pytest.raises(TooManyMails, match="At most 1000 mails can be sent again at once"):
        resend_mails([mail.pk, *range(-MOST_AT_ONCE, 0)], by=CLI)
    assert OutgoingMail.objects.get().state == MailState.FAILED


def test_a_lifted_address_is_mailed_again(do: Callable[..., Any], mailoutbox: list[EmailMessage]) -> None:
    ann = UserFactory(email="ann@example.com")
    row = SuppressedAddress.objects.create(address="ann@example.com", reason="The mailbox does not exist.")
    do(queue_email, "rejected", [ann.pk])
    mail = OutgoingMail.objects.get()
    assert mail.state == MailState.SUPPRESSED
    assert lift_suppressions([row.pk, 0], by=CLI) == 1
    assert lift_suppressions([row.pk], by=CLI) == 0
    assert mailoutbox == []
    assert do(resend_mails, [mail.pk], by=CLI) == ResendResult(resent=1)
    assert len(mailoutbox) == 1
    event = AuditEvent.objects.get(action="suppression.lifted")
    assert (event.target_label, event.actor_label) == ("ann@example.com", "ops")
    assert event.changes == {"reason": ["The mailbox does not exist.", None]}


def test_a_test_goes_through_the_outbox_with_sample_data(
    do: Callable[..., Any], mailoutbox: list[EmailMessage]
) -> None:
    root = superuser(email="root@example.com")
    mail = do(send_test_mail, "verify_email", to="root@example.com", by=Actor.administrator(root))
    [message] = mailoutbox
    assert (message.to, message.subject) == (["root@example.com"], "[Test] Confirm your email address")
    assert "https://www.example.com/sample/" in str(message.body)
    mail.refresh_from_db()
    assert (mail.template, mail.context, mail.user, mail.state) == ("trial", {"of": "verify_email"}, root, "sent")
    event = AuditEvent.objects.get()
    assert (event.action, event.changes) == ("mail.tested", {"template": [None, "verify_email"]})


def test_a_test_of_the_way_to_the_server_goes_anywhere(do: Callable[..., Any], mailoutbox: list[EmailMessage]) -> None:
    mail = do(send_test_mail, "trial", to="anybody@example.org", language="en", by=CLI)
    assert (mail.context, mail.user, mail.language) == ({}, None, "en")
    assert [message.to for message in mailoutbox] == [["anybody@example.org"]]
    assert mailoutbox[0].subject == "[Test] Emails from Keystone arrive"


def test_a_test_without_an_address_or_of_no_mail_is_refused() -> None:
    with pytest.raises(NoRecipient):
        send_test_mail("approved", to="", by=CLI)
    with pytest.raises(UnknownEmail, match="There is no mail 'no_such_mail'"):
        send_test_mail("no_such_mail", to="ann@example.com", by=CLI)
    assert not OutgoingMail.objects.exists()
