"""Resend mails, lift suppressions and send test mails, for administrators."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from keystone.actors.acting import lock_actor
from keystone.actors.actor import Actor
from keystone.audit.log import event, record
from keystone.exceptions import Refusal
from keystone.mail import outbox, registry
from keystone.mail.models import MailState, OutgoingMail, SuppressedAddress
from keystone.mail.outbox import Addressee
from keystone.mail.suppression import normalized, suppressed
from keystone.mail.tasks import wake_up

PERMISSION = "keystone.send_outgoingmail"
MOST_AT_ONCE = 1_000  # mails that one call resends

# A mail server accepted these once. With the old Message-ID, some would drop the second one as a duplicate.
TAKEN = frozenset({MailState.SENT, MailState.BOUNCED})


class TooManyMails(Refusal):
    """More mails were chosen than can be resent at once."""

    code = "too_many"
    message = format_lazy(_("At most {count} mails can be sent again at once. Select fewer."), count=MOST_AT_ONCE)


class NoRecipient(Refusal):
    """There is no email address to send the test mail to."""

    code = "no_recipient"
    message = _("There is no email address to send the test mail to.")


@dataclass(frozen=True)
class ResendResult:
    """The result of resending mails.

    Attributes:
        resent: how many were queued again, or are tried now instead of later.
        queued: how many were about to be sent anyway.
        sent: how many were sent before and are not sent twice.
        suppressed: how many are not resent because their email address is suppressed.
    """

    resent: int = 0
    queued: int = 0
    sent: int = 0
    suppressed: int = 0


@transaction.atomic
def resend_mails(mails: Collection[int], *, by: Actor, even_sent: bool = False) -> ResendResult:
    """Queue mails again, as if they had never been tried. Their content is rebuilt when they are sent.

    Mails that wait for their next attempt are tried now, for example after the mail server was down for a long time.

    Args:
        mails: the primary keys of the mails; deleted ones are ignored.
        by: the actor, recorded in the audit log.
        even_sent: whether mails that were sent are sent a second time.

    Raises:
        TooManyMails: there are more than `MOST_AT_ONCE`; none is sent.
    """
    if len(mails) > MOST_AT_ONCE:
        raise TooManyMails
    lock_actor(by)
    rows = list(OutgoingMail.objects.filter(pk__in=mails).order_by("pk").select_for_update())
    barred = suppressed([normalized(row.recipient) for row in rows])
    outcomes = {row.pk: _outcome(row, barred, even_sent=even_sent) for row in rows}
    chosen = [row for row in rows if outcomes[row.pk] == "resent"]
    record(event("mail.resent", row, by=by, changes=_changes(row)) for row in chosen)
    _begin_anew(chosen)
    if chosen:
        wake_up()
    return ResendResult(**Counter(outcomes.values()))


@transaction.atomic
def lift_suppressions(addresses: Collection[int], *, by: Actor) -> int:
    """Lift the suppression of these email addresses. Mails that were not sent stay unsent until somebody resends them.

    Args:
        addresses: the primary keys of the suppressed addresses.
        by: the actor, recorded in the audit log.

    Returns:
        The number of suppressions lifted.
    """
    lock_actor(by)
    rows = list(SuppressedAddress.objects.filter(pk__in=addresses).order_by("pk").select_for_update())
    record(event("suppression.lifted", row, by=by, changes={"reason": [row.reason, None]}) for row in rows)
    SuppressedAddress.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return len(rows)


@transaction.atomic
def send_test_mail(name: str, *, to: str, by: Actor, language: str = "") -> OutgoingMail:
    """Queue a mail with its sample data, marked as a test. It is sent in the same way as all other mails.

    Args:
        name: the name of the mail to test; "trial" sends a mail that only says that mails arrive.
        to: the recipient's email address.
        by: the actor, recorded in the audit log.
        language: the language's code; empty for LANGUAGE_CODE.

    Raises:
        UnknownEmail: no mail is registered as `name`.
        NoRecipient: `to` is empty.
    """
    registry.get(name)
    if not to:
        raise NoRecipient
    lock_actor(by)
    context = {"of": name} if name != "trial" else {}
    user_id: Any = by.user.pk if by.user is not None else None
    [key] = outbox.queue("trial", [Addressee(recipient=to, user_id=user_id, language=language)], context=context)
    mail = OutgoingMail.objects.get(pk=key)
    record([event("mail.tested", mail, by=by, changes={"template": [None, name]})])
    return mail


def _changes(row: OutgoingMail) -> dict[str, list[Any]]:
    if row.state == MailState.QUEUED:
        return {"next_attempt_at": [row.next_attempt_at, timezone.now()]}
    return {"state": [row.state, MailState.QUEUED]}


def _begin_anew(rows: Collection[OutgoingMail]) -> None:
    anew: dict[str, Any] = {"state": MailState.QUEUED, "attempts": 0, "last_error": "", "provider_id": ""}
    anew |= {"next_attempt_at": Now(), "claimed_until": None, "sent_at": None}
    OutgoingMail.objects.filter(pk__in=[row.pk for row in rows]).update(**anew, updated_at=timezone.now())
    taken = [row for row in rows if row.state in TAKEN]
    for row in taken:
        row.message_id = outbox.new_message_id()
    OutgoingMail.objects.bulk_update(taken, ["message_id"])


def _outcome(row: OutgoingMail, barred: Collection[str], *, even_sent: bool) -> str:
    if row.state == MailState.QUEUED:
        return "resent" if row.is_postponed else "queued"
    if row.state == MailState.SENT and not even_sent:
        return "sent"
    return "suppressed" if normalized(row.recipient) in barred else "resent"
