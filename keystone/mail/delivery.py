"""Deliver the outbox: claim, render, send and mark each mail."""

import logging
import time
from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

from django.core.mail import EmailMultiAlternatives
from django.db import InterfaceError, OperationalError
from django.utils import timezone
from django.utils.translation import gettext as _

from keystone.mail import failures, outbox, registry
from keystone.mail.claims import Claim, claim, due
from keystone.mail.connection import MailConnection
from keystone.mail.failures import Failure
from keystone.mail.models import MailState
from keystone.mail.outgoing import Mail, message_of
from keystone.mail.retrying import MAX_ATTEMPTS, put_off, retry
from keystone.mail.suppression import normalized, suppressed
from keystone.observability.origin import origin

logger = logging.getLogger(__name__)

SEND_SECONDS = 20.0  # for one mail, with the connection
MARGIN_SECONDS = 3.0  # between the end of the sending and that of the claim
# For the mails of one task; the rest goes to another one. A worker that is told to end has them done in time.
BATCH_SECONDS = 10.0
LOST_IN_A_ROW = 3  # connections; then the server is the trouble, and not the mails

_CLAIM_ENDED = Failure("")  # nobody reads it: whoever has the mail now says what becomes of it


def deliver(mail_ids: Collection[int]) -> int:
    """Send these mails, as far as they are due and no other worker has them, through one connection.

    What becomes of one mail keeps no other back. Where no mail can be sent at all, the rest is put off together. It
    may run any number of times, at once and one after the other: a mail is sent twice only where a worker goes away
    between the sending and the marking.

    Returns:
        How many a mail server took.
    """
    ids = list(mail_ids)
    began, sent, lost, is_cut_short = time.monotonic(), 0, 0, False
    with MailConnection() as connection:
        for place, mail_id in enumerate(ids):
            if time.monotonic() - began > BATCH_SECONDS:
                is_cut_short = True
                break
            claimed = claim(mail_id)
            if claimed is None:
                continue
            # That of the mail, and not of whatever tries it again or delivers many together.
            with origin(request_id=claimed.mail.request_id):
                failure = _deliver_one(claimed, connection)
            sent += failure is None and claimed.mail.state == MailState.SENT
            lost = lost + 1 if failure is not None and failure.is_lost else 0
            if failure is not None and (failure.is_everybodys or lost >= LOST_IN_A_ROW):
                put_off(ids[place + 1 :], failure)
                break
    _hand_over(ids, at_once=is_cut_short)
    return sent


def _deliver_one(claimed: Claim, connection: MailConnection) -> Failure | None:
    """Send one mail and note what came of it; it is told what went wrong."""
    row = claimed.mail
    if row.attempts > MAX_ATTEMPTS:
        _settle(claimed, MailState.FAILED, last_error=_("Each worker that was to send it went away."))
        return None
    try:
        mail = _made(claimed)
        message = message_of(mail, message_id=row.message_id) if mail is not None else None
    except (OperationalError, InterfaceError):
        raise  # the database has gone away; the task comes again
    except Exception as error:  # noqa: BLE001 - one person's odd data must not keep the others' mails back
        return _note(claimed, failures.of_making(error))
    if mail is None or message is None:
        return None
    failure = _send(claimed, connection, message)
    if failure is not None:
        return _note(claimed, failure)
    _mark_sent(claimed, mail, message)
    return None


def _made(claimed: Claim) -> Mail | None:
    """The mail, as it is to be sent now; None where it is settled without being sent."""
    row = claimed.mail
    mail = registry.get(row.template)(row.user, **row.context)
    if mail is None:
        _settle(claimed, MailState.OBSOLETE)
        return None
    mail = replace(mail, to=mail.to or row.recipient, language=mail.language or row.language)
    if suppressed([normalized(mail.to)]):
        why = _("The address is suppressed.")
        _settle(claimed, MailState.SUPPRESSED, recipient=mail.to, last_error=why)
        return None
    return mail


def _send(claimed: Claim, connection: MailConnection, message: EmailMultiAlternatives) -> Failure | None:
    end = time.monotonic() + min(SEND_SECONDS, claimed.seconds_left - MARGIN_SECONDS)
    while True:
        if time.monotonic() >= end:  # this process was stopped meanwhile: another worker may be at it by now
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
                continue  # many servers take so many mails on one connection, and close it then
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


def _note(claimed: Claim, failure: Failure) -> Failure:
    """Write down why a mail was not sent, with its next attempt if there is to be one."""
    row = claimed.mail
    if failure is _CLAIM_ENDED:
        logger.warning("Mail %s was left to others: this process was stopped for longer than its claim.", row.pk)
        return failure
    # Neither the address nor what the server said: that may quote the address, and the mail with its link.
    logger.error("Mail %s (%s), attempt %d, was not sent: %s", row.pk, row.template, row.attempts, failure.error)
    if failure.is_final or row.attempts >= MAX_ATTEMPTS:
        _settle(claimed, MailState.FAILED, last_error=failure.reason)
    else:
        retry(claimed, failure)
    return failure


def _hand_over(mail_ids: list[int], *, at_once: bool) -> None:
    """Give what is still due to another task, which comes when those who have claimed it would be over with it.

    Args:
        at_once: whether there are some that this task did not come to. What it came to and did not get is claimed, or
            somebody holds the row: that one gets a moment, too.
    """
    left = dict(due(mail_ids).order_by("pk").values_list("pk", "claimed_until"))
    if left:
        now = timezone.now()
        ends = [until for until in left.values() if until is not None and until > now]
        at = None if at_once and not ends else max(ends, default=now) + timedelta(seconds=1)
        outbox.deliver_later(left, at=at)
