"""Deliver claimed mails: render, send and mark each."""

import logging
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.core.mail import EmailMultiAlternatives
from django.db import Error, InterfaceError, OperationalError
from django.utils import timezone
from django.utils.translation import gettext as _

from keystone.mail import failures, registry
from keystone.mail.claims import Claim, held, unblocking_transaction
from keystone.mail.connection import MailConnection
from keystone.mail.failures import Failure
from keystone.mail.models import MailState, OutgoingMail
from keystone.mail.outgoing import Mail, message_of
from keystone.mail.retrying import MAX_ATTEMPTS, Schedule, put_off, release, retry
from keystone.mail.suppression import normalized, suppressed
from keystone.observability.origin import origin

logger = logging.getLogger(__name__)

SEND_SECONDS = 20.0  # for one mail, with the connection
MARGIN_SECONDS = 3.0  # between the end of sending and the end of the claim
# For the mails of one batch; the rest goes to another batch. A worker that is told to stop finishes in time, and the
# claim lasts long enough for a mail that is started at the end.
BATCH_SECONDS = 10.0
LOST_IN_A_ROW = 3  # connections; then the server is the problem, not the mails

_CLAIM_ENDED = Failure("")  # never shown: the worker that holds the claim now records the result


def deliver(claims: Collection[Claim]) -> set[datetime]:
    """Send the claimed mails through one connection.

    The failure of one mail doesn't stop the others. If no mail can be sent at all, the rest is postponed together. A
    mail is sent twice only if a worker dies, or the connection to the mail server or the database is lost, between
    sending it and marking it as sent.

    Returns:
        The times (UTC) of the next attempts at the mails that failed or were left over.
    """
    left, moments, schedule = list(claims), set[datetime](), Schedule()
    began, lost = time.monotonic(), 0
    failure: Failure | None = None
    try:
        with MailConnection() as connection:
            while left and time.monotonic() - began < BATCH_SECONDS:
                claimed = left.pop(0)
                if not claimed.begin():
                    continue
                # The request that queued the mail, not the task that delivers it.
                with origin(request_id=claimed.mail.request_id):
                    failure = _deliver_one(claimed, connection, schedule)
                if failure is not None and claimed.mail.state == MailState.QUEUED:
                    moments.add(claimed.mail.next_attempt_at)
                lost = lost + 1 if failure is not None and failure.is_lost else 0
                if failure is not None and (failure.is_everybodys or lost >= LOST_IN_A_ROW):
                    break
            else:
                failure = failure if lost else None  # a server that hangs takes all of the batch's time
    except Exception:
        with suppress(Error):
            release(left)  # the mails after one that cannot be handled are not held up by it
        raise
    if left and failure is not None:
        moments.add(put_off(left, failure, schedule))
    elif left:
        release(left)
        moments.add(timezone.now())
    return moments


def _deliver_one(claimed: Claim, connection: MailConnection, schedule: Schedule) -> Failure | None:
    """Send one mail and save the result.

    Returns:
        Why it was not sent; None if it was, or was settled without being tried.
    """
    row = claimed.mail
    if row.attempts > MAX_ATTEMPTS:
        _settle(claimed, MailState.FAILED, last_error=_("Every worker that tried to send it was lost."))
        return None
    try:
        mail = _build(claimed)
        message = message_of(mail, message_id=row.message_id) if mail is not None else None
    except (OperationalError, InterfaceError):
        raise  # the database is unavailable; the task is retried
    except Exception as error:  # noqa: BLE001 - one person's odd data must not hold up the others' mails
        return _record_failure(claimed, failures.of_making(error), schedule)
    if mail is None or message is None:
        return None
    failure = _send(claimed, connection, message)
    if failure is not None:
        return _record_failure(claimed, failure, schedule)
    _mark_sent(claimed, mail, message)
    return None


def _build(claimed: Claim) -> Mail | None:
    """Build the mail as it is sent now. Return None if it was settled without being sent."""
    row = claimed.mail
    if row.template in registry.CHOOSERS and not _is_chosen(claimed):
        return None
    mail = registry.get(row.template)(_person(row), **row.context)
    if mail is None:
        _settle(claimed, MailState.OBSOLETE)
        return None
    mail = replace(mail, to=mail.to or row.recipient, language=mail.language or row.language)
    if suppressed([normalized(mail.to)]):
        why = _("The address is suppressed.")
        _settle(claimed, MailState.SUPPRESSED, recipient=mail.to, last_error=why)
        return None
    return mail


def _is_chosen(claimed: Claim) -> bool:
    """Turn the row into the mail that its chooser returns. Delete it and return False if that is None."""
    row = claimed.mail
    with unblocking_transaction():
        rows = held([claimed])
        if not rows.select_for_update(no_key=True).exists():  # before anything is counted: another worker may have it
            return False
        choice = registry.CHOOSERS[row.template].choose(row.recipient, **row.context)
        if choice is None:
            rows.delete()
            return False
        row.template, row.recipient, row.user_id, row.context = choice.name, choice.user.email, choice.user.pk, {}
        rows.update(template=row.template, recipient=row.recipient, user_id=row.user_id, context={})
    return True


def _person(row: OutgoingMail) -> Any:
    """Return the person, freshly loaded: they may have changed since the batch was claimed."""
    return get_user_model()._default_manager.filter(pk=row.user_id).first() if row.user_id else None


def _send(claimed: Claim, connection: MailConnection, message: EmailMultiAlternatives) -> Failure | None:
    end = time.monotonic() + min(SEND_SECONDS, claimed.seconds_left - MARGIN_SECONDS)
    while True:
        if time.monotonic() >= end:  # this process was stopped meanwhile: another worker may have claimed the mail
            return _CLAIM_ENDED
        used = connection.sent > 0
        try:
            connection.open(end - time.monotonic())
        except Exception as error:  # noqa: BLE001 - each backend has its own
            return failures.of_opening(error)
        try:
            connection.send(message, end - time.monotonic())
        except Exception as error:  # noqa: BLE001 - each backend has its own
            failure = failures.of_sending(error)
            if failure.is_lost:
                connection.drop()
            if failure.is_lost and used and not failure.is_late:
                continue  # many servers accept a limited number of mails per connection and then close it
            return failure
        return None


def _mark_sent(claimed: Claim, mail: Mail, message: EmailMultiAlternatives) -> None:
    status = getattr(message, "anymail_status", None)
    provider_id = str(getattr(status, "message_id", None) or "")
    claimed.mail.state = MailState.SENT
    values = {"state": MailState.SENT, "recipient": mail.to, "sent_at": timezone.now(), "last_error": ""}
    if not claimed.settle_surely(**values, provider_id=provider_id[:255]):
        logger.warning("Mail %s was sent when its claim had ended: it may be sent twice.", claimed.mail.pk)
    else:
        logger.info(
            "Mail %s (%s), attempt %d, was sent.", claimed.mail.pk, claimed.mail.template, claimed.mail.attempts
        )


def _settle(claimed: Claim, state: MailState, **values: str) -> None:
    claimed.mail.state = state
    claimed.settle(state=state, **values)


def _record_failure(claimed: Claim, failure: Failure, schedule: Schedule) -> Failure:
    """Save why a mail was not sent, and schedule its next attempt if there is one."""
    row = claimed.mail
    if failure is _CLAIM_ENDED:
        logger.warning("Mail %s was left to others: this process was stopped for longer than its claim.", row.pk)
        row.next_attempt_at = timezone.now()
        return failure
    # Log neither the email address nor the server's response, which may quote the address and the mail with its link.
    logger.error("Mail %s (%s), attempt %d, was not sent: %s", row.pk, row.template, row.attempts, failure.error)
    if failure.is_final or row.attempts >= MAX_ATTEMPTS:
        _settle(claimed, MailState.FAILED, last_error=failure.reason)
    else:
        row.next_attempt_at = retry(claimed, failure, schedule) or row.next_attempt_at
    return failure
