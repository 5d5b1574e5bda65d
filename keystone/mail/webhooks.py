"""Receive delivery events from the provider. anymail verifies that they are genuine."""

from typing import Any

from anymail.signals import AnymailTrackingEvent, EventType, tracking
from django.dispatch import receiver

from keystone.mail.failures import quoted
from keystone.mail.tasks import note_event


@receiver(tracking, dispatch_uid="keystone.mail.webhooks")
def hear(event: AnymailTrackingEvent, **_: Any) -> None:
    """Enqueue an event that reports a failure or a complaint. Others, such as opened mails, are ignored."""
    if event.event_type in {EventType.BOUNCED, EventType.REJECTED, EventType.FAILED, EventType.COMPLAINED}:
        note_event.enqueue(
            kind=event.event_type,
            provider_id=str(event.message_id or ""),
            recipient=str(event.recipient or ""),
            cause=str(event.reject_reason or ""),
            said=quoted(str(event.mta_response or event.description or "")),
        )
