"""Delivery: through a real SMTP conversation, with a server that does not always do as it should."""

import logging
from datetime import timedelta

import pytest
from django.core import mail as django_mail
from django.core.mail import EmailMultiAlternatives
from django.utils import timezone
from pytest_django import Settings

from keystone.accounts.emails import queue_email
from keystone.mail import connection, delivery
from keystone.mail.models import MailState, OutgoingMail
from keystone.mail.outgoing import Mail
from keystone.mail.retrying import MAX_ATTEMPTS
from keystone.mail.suppression import suppress
from keystone.observability.origin import current_origin, origin
from keystone.testing.factories import UserFactory
from tests.mail.sending import REASON, deliver, only, queued, register
from tests.mail.smtp_server import CONNECT, DATA, END, MAIL, RCPT, SmtpServer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("probe")]

LATER = "The mail server did not answer in time."
HUNG_UP = "The mail server closed the connection."
# Where there is no connection yet, another setting may help.
TRY = " Check SMTP_HOST and SMTP_PORT; a port with implicit TLS needs SMTP_SSL=true."
SIGN_IN = "Set SMTP_USER and SMTP_PASSWORD, and SMTP_TLS=true or SMTP_SSL=true."


def make_due() -> None:
    """Let the time of every next attempt have come."""
    OutgoingMail.objects.update(next_attempt_at=timezone.now() - timedelta(seconds=1))


def states(ids: list[int]) -> list[str]:
    return [only(mail_id).state for mail_id in ids]


def test_a_mail_goes_out_with_both_parts_and_the_headers_of_its_row(settings: Settings) -> None:
    settings.DEFAULT_FROM_EMAIL = "Acme <no-reply@bücher.example>"
    [mail_id] = queued("ada@example.com")
    assert deliver([mail_id]) == 1
    [sent] = django_mail.outbox
    assert isinstance(sent, EmailMultiAlternatives)
    assert (sent.subject, sent.to) == ("Your registration with Keystone", ["ada@example.com"])
    assert sent.body.startswith("Hello Ada,")
    assert [mimetype for _, mimetype in sent.alternatives] == ["text/html"]
    row = only(mail_id)
    assert sent.message()["Auto-Submitted"] == "auto-generated"
    assert sent.message()["Message-ID"] == row.message_id
    assert row.message_id.endswith("@xn--bcher-kva.example>")
    assert (row.state, row.attempts, row.claimed_until, row.last_error) == (MailState.SENT, 1, None, "")
    assert row.sent_at is not None


def test_what_was_sent_is_not_sent_again(smtp: SmtpServer) -> None:
    ids = queued("a@example.com", "b@example.com")
    assert [deliver(ids), deliver(ids), deliver([*ids, 0])] == [2, 0, 0]
    assert smtp.recipients == ["a@example.com", "b@example.com"]
    assert smtp.connections == 1


def test_a_refused_and_a_malformed_address_keep_no_other_back(
    smtp: SmtpServer, caplog: pytest.LogCaptureFixture
) -> None:
    smtp.refusals = {"b@example.com": b"550 5.1.1 <b@example.com>: no such mailbox"}
    ids = queued("a@example.com", "b@example.com", "c@example.com\nBcc: x@example.com", "d@example.com")
    assert deliver(ids) == 2
    assert smtp.recipients == ["a@example.com", "d@example.com"]
    assert smtp.connections == 1
    assert states(ids) == [MailState.SENT, MailState.FAILED, MailState.FAILED, MailState.SENT]
    assert only(ids[1]).last_error == (
        "The mail server refuses the address: 550 5.1.1 <b@example.com>: no such mailbox"
    )
    assert caplog.messages[1] == f"Mail {ids[1]} (probe), attempt 1, was not sent: SMTPRecipientsRefused"
    assert [record.levelno for record in caplog.records] == [logging.INFO, logging.ERROR, logging.ERROR, logging.INFO]
    for kept_out in ("example.com", REASON, "Ada"):
        assert kept_out not in caplog.text


def test_each_mail_has_a_line_and_is_made_as_of_the_request_that_caused_it(caplog: pytest.LogCaptureFixture) -> None:
    register("traced", lambda _: Mail("rejected", context={"name": current_origin().request_id, "reason": REASON}))
    ids = []
    for request_id in ("request-1", "request-2"):
        with origin(request_id=request_id):
            ids += queued("a@example.com", name="traced")
    with caplog.at_level(logging.INFO, "keystone.mail.delivery"):
        assert deliver(ids) == 2  # as a job does that has no request
    assert [str(mail.body).split(",")[0] for mail in django_mail.outbox] == ["Hello request-1", "Hello request-2"]
    assert caplog.messages == [f"Mail {mail_id} (traced), attempt 1, was sent." for mail_id in ids]


@pytest.mark.parametrize("code", ["450", "451", "452", "530", "535"])
def test_a_recipient_who_is_refused_for_now_is_tried_again(smtp: SmtpServer, code: str) -> None:
    smtp.refusals = {"a@example.com": f"{code} not now".encode()}
    ids = queued("a@example.com", "b@example.com")
    assert deliver(ids) == 1
    row = only(ids[0])
    assert (row.state, row.attempts, row.claimed_until) == (MailState.QUEUED, 1, None)
    assert row.last_error == f"The mail server refuses the address: {code} not now"
    assert timedelta(seconds=5) < row.next_attempt_at - timezone.now() < timedelta(seconds=13)
    assert deliver(ids) == 0  # it is not due
    smtp.recover()
    make_due()
    assert deliver(ids) == 1
    assert (only(ids[0]).state, only(ids[0]).attempts, only(ids[0]).last_error) == (MailState.SENT, 2, "")
    assert smtp.recipients == ["b@example.com", "a@example.com"]


def test_a_mail_that_is_refused_for_good_has_failed(smtp: SmtpServer) -> None:
    smtp.answers = {END: b"554 5.7.1 refused because of https://id.example.com/reset-password/abc/ in it"}
    [mail_id] = queued("a@example.com")
    assert deliver([mail_id]) == 0
    assert only(mail_id).state == MailState.FAILED
    assert only(mail_id).last_error == "The mail server refuses the mail: 554 5.7.1 refused because of … in it"


@pytest.mark.parametrize(
    ("step", "answer", "said"),
    [
        (CONNECT, b"554 go away", "The mail server refuses the connection: 554 go away"),
        (MAIL, b"530 sign in first", f"The mail server refuses the sender: 530 sign in first. {SIGN_IN}"),
        (
            MAIL,
            b"553 not your address",
            "The mail server refuses the sender: 553 not your address. Check EMAILS_FROM_EMAIL.",
        ),
        (MAIL, b"452 too many mails", "The mail server refuses the sender: 452 too many mails"),
    ],
)
def test_trouble_that_is_everybodys_puts_all_off_after_one_attempt(
    smtp: SmtpServer, step: str, answer: bytes, said: str
) -> None:
    smtp.answers = {step: answer}
    ids = queued(*[f"p{number}@example.com" for number in range(5)])
    assert deliver(ids) == 0
    rows = [only(mail_id) for mail_id in ids]
    assert {(row.state, row.attempts, row.claimed_until, row.last_error) for row in rows} == {
        (MailState.QUEUED, 1, None, said)
    }
    assert smtp.steps[step] == 1
    smtp.recover()
    make_due()
    assert deliver(ids) == 5


def test_a_server_that_cannot_be_reached_is_tried_once_for_all(settings: Settings) -> None:
    with SmtpServer.running() as server:
        settings.MAILERS = server.mailers
        port = server.port
    ids = queued("a@example.com", "b@example.com")
    assert deliver(ids) == 0
    assert [only(mail_id).last_error for mail_id in ids] == [
        "The mail server cannot be reached. Check SMTP_HOST and SMTP_PORT."
    ] * 2
    make_due()
    with SmtpServer.running(port) as server:
        assert deliver(ids) == 2
        assert server.recipients == ["a@example.com", "b@example.com"]


def test_a_server_that_takes_few_mails_on_a_connection_gets_all(smtp: SmtpServer) -> None:
    smtp.closes_after = 2
    addresses = [f"p{number}@example.com" for number in range(7)]
    assert deliver(queued(*addresses)) == 7
    assert smtp.recipients == addresses
    assert smtp.connections == 4
    assert set(smtp.copies.values()) == {1}


@pytest.mark.parametrize("step", [CONNECT, MAIL, RCPT, DATA])
def test_a_server_that_hangs_up_gets_the_mails_later(smtp: SmtpServer, step: str) -> None:
    smtp.hangs_up_at = step
    ids = queued("a@example.com", "b@example.com")
    assert deliver(ids) == 0
    assert [only(mail_id).last_error for mail_id in ids] == [HUNG_UP + TRY * (step == CONNECT)] * 2
    smtp.recover()
    make_due()
    assert deliver(ids) == 2
    assert set(smtp.copies.values()) == {1}


@pytest.mark.parametrize("keeps", [True, False])
def test_a_mail_whose_answer_was_lost_comes_again_with_the_same_message_id(smtp: SmtpServer, keeps: bool) -> None:
    smtp.hangs_up_at, smtp.keeps_dropped = END, keeps
    [mail_id] = queued("a@example.com")
    assert deliver([mail_id]) == 0
    assert (only(mail_id).state, only(mail_id).last_error) == (MailState.QUEUED, HUNG_UP)
    smtp.recover()
    make_due()
    assert deliver([mail_id]) == 1
    assert smtp.copies == {only(mail_id).message_id: 1 + keeps}


@pytest.mark.parametrize("step", [CONNECT, MAIL, RCPT, DATA, END])
@pytest.mark.parametrize("way", ["hangs_at", "drips_at"])
def test_a_server_that_hangs_or_drips_does_not_hold_a_worker(
    smtp: SmtpServer, monkeypatch: pytest.MonkeyPatch, step: str, way: str
) -> None:
    """Each byte of a drip comes in the time of the socket; what ends it is the time for the whole."""
    monkeypatch.setattr(delivery, "SEND_SECONDS", 0.3)
    setattr(smtp, way, step)
    ids = queued("a@example.com")
    assert deliver(ids) == 0
    assert (only(ids[0]).state, only(ids[0]).last_error) == (MailState.QUEUED, LATER + TRY * (step == CONNECT))
    smtp.recover()
    make_due()
    monkeypatch.setattr(delivery, "SEND_SECONDS", 10.0)
    assert deliver(ids) == 1


def test_a_server_that_does_not_say_good_bye_holds_nobody(smtp: SmtpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CLOSING_SECONDS", 0.1)
    smtp.hangs_at = "QUIT"
    assert deliver(queued("a@example.com")) == 1


def test_lost_connections_in_a_row_put_the_rest_off(smtp: SmtpServer) -> None:
    smtp.hangs_up_at = MAIL
    ids = queued(*[f"p{number}@example.com" for number in range(10)])
    assert deliver(ids) == 0
    assert smtp.connections == delivery.LOST_IN_A_ROW
    assert states(ids) == [MailState.QUEUED] * 10
    assert [only(mail_id).attempts for mail_id in ids] == [1] * 10


def test_after_the_last_attempt_a_mail_has_failed(smtp: SmtpServer) -> None:
    smtp.answers = {RCPT: b"450 not now"}
    ids = queued("a@example.com", "b@example.com")
    OutgoingMail.objects.update(attempts=MAX_ATTEMPTS - 1)
    assert deliver(ids) == 0
    assert states(ids) == [MailState.FAILED] * 2
    assert only(ids[0]).last_error == "The mail server refuses the address: 450 not now"


def test_those_that_are_put_off_for_the_last_time_have_failed_too(smtp: SmtpServer) -> None:
    smtp.answers = {MAIL: b"452 too many mails"}
    ids = queued("a@example.com", "b@example.com", "c@example.com")
    OutgoingMail.objects.exclude(pk=ids[2]).update(attempts=MAX_ATTEMPTS - 1)
    assert deliver(ids) == 0
    assert states(ids) == [MailState.FAILED, MailState.FAILED, MailState.QUEUED]


def test_a_mail_that_ends_every_worker_is_given_up(smtp: SmtpServer) -> None:
    [mail_id] = queued("a@example.com")
    OutgoingMail.objects.update(attempts=MAX_ATTEMPTS)
    assert deliver([mail_id]) == 0
    assert (only(mail_id).state, only(mail_id).last_error) == (
        MailState.FAILED,
        "Every worker that tried to send it was lost.",
    )
    assert smtp.connections == 0


def test_a_mail_that_cannot_be_made_is_tried_again_and_keeps_no_other_back(
    smtp: SmtpServer, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(user: object) -> Mail:
        raise ArithmeticError(REASON)

    register("faulty", fail)
    register("without_template", lambda _: Mail("no_such_template"))
    ids = [*queued("a@example.com", name="faulty"), *queued("b@example.com", name="without_template")]
    ids += [*queued("c@example.com", name="faulty"), *queued("d@example.com")]
    OutgoingMail.objects.filter(pk=ids[2]).update(template="gone_from_the_code")
    assert deliver(ids) == 1
    assert smtp.recipients == ["d@example.com"]
    assert [only(mail_id).last_error for mail_id in ids[:3]] == [
        "The mail could not be rendered: ArithmeticError.",
        "The mail could not be rendered: TemplateDoesNotExist.",
        "This worker does not know a mail of this name.",
    ]
    assert states(ids) == [MailState.QUEUED] * 3 + [MailState.SENT]
    assert REASON not in caplog.text


def test_a_mail_that_is_not_needed_any_more_is_not_sent(smtp: SmtpServer) -> None:
    register("obsolete", lambda _: None)
    user = UserFactory()
    register("of_somebody", lambda user: Mail("rejected", to=user.email), needs_person=True)
    queue_email("of_somebody", [user.pk])
    user.delete()
    ids = [*queued("a@example.com", name="obsolete"), OutgoingMail.objects.get(template="of_somebody").pk]
    assert deliver(ids) == 0
    assert states(ids) == [MailState.OBSOLETE, MailState.OBSOLETE]
    assert smtp.connections == 0


def test_a_suppressed_address_is_not_mailed(smtp: SmtpServer) -> None:
    suppress("Ada@EXAMPLE.com", reason="hard bounce")
    ids = queued("ada@example.com", "eve@example.com")
    assert deliver(ids) == 1
    assert smtp.recipients == ["eve@example.com"]
    assert (only(ids[0]).state, only(ids[0]).last_error) == (MailState.SUPPRESSED, "The address is suppressed.")


def test_the_row_tells_where_a_mail_went_that_chose_its_address(smtp: SmtpServer) -> None:
    register("elsewhere", lambda _: Mail("rejected", to="other@example.com"))
    [mail_id] = queued("a@example.com", name="elsewhere")
    assert deliver([mail_id]) == 1
    assert smtp.recipients == ["other@example.com"]
    assert only(mail_id).recipient == "other@example.com"
