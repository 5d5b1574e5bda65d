"""Record the provider's delivery events: bounces, rejections and complaints."""

from anymail.signals import EventType, RejectReason
from django.db import transaction
from django.utils.translation import gettext as _

from keystone.mail.models import MailState, OutgoingMail
from keystone.mail.suppression import normalized, suppress

# After these the address would bounce again, and a provider that sees many bounces stops sending our mails.
FOR_GOOD = frozenset({RejectReason.BOUNCED, RejectReason.INVALID})
SUPPRESSED_THERE = FOR_GOOD | {RejectReason.UNSUBSCRIBED, RejectReason.SPAM}


@transaction.atomic
def note(*, kind: str, provider_id: str, recipient: str, cause: str, said: str) -> bool:
    """Record a delivery event, and suppress the recipient's email address after a permanent failure or a complaint.

    Args:
        kind: one of anymail's `EventType`.
        provider_id: the provider's id for the mail.
        recipient: the email address, in any spelling.
        cause: one of anymail's `RejectReason`, or empty.
        said: the response of the mail server or the provider.

    Returns:
        Whether the mail was found. It isn't if another system sent it, or if its id has not been saved yet.
    """
    rows = OutgoingMail.objects.filter(provider_id=provider_id).exclude(provider_id="").select_for_update(no_key=True)
    address = normalized(recipient)
    mail = next((row for row in rows if normalized(row.recipient) == address), None)
    if mail is None:
        return False
    state, reason, suppresses = _meaning(kind, cause)
    if state is not None and mail.state == MailState.SENT:
        mail.state, mail.last_error = state, f"{reason} {said}".strip()
        mail.save(update_fields=["state", "last_error", "updated_at"])
    if suppresses:
        suppress(mail.recipient, reason=f"{reason} {said}".strip())
    return True


def _meaning(kind: str, cause: str) -> tuple[MailState | None, str, bool]:
    """Return the mail's new state, the reason in plain words, and whether to suppress the recipient."""
    if kind == EventType.COMPLAINED:
        return None, _("The reader reported the mail as spam."), True
    if kind == EventType.BOUNCED:
        return MailState.BOUNCED, _("The mail bounced."), cause in FOR_GOOD
    if kind == EventType.REJECTED and cause in SUPPRESSED_THERE:
        return MailState.SUPPRESSED, _("The provider refuses to send to this address."), cause in FOR_GOOD
    return MailState.FAILED, _("The provider did not send the mail."), False
