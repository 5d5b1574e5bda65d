"""The background tasks of mail."""

from datetime import timedelta

from django.utils import timezone

from keystone.background.declaring import task
from keystone.mail.delivery import BATCH_SECONDS, deliver
from keystone.mail.webhooks import note

QUEUE = "mail"
SECOND_LOOK = timedelta(minutes=1)


# A mail's own attempts are counted in its row: what this one's are for is a database that went away meanwhile.
@task(queue_name=QUEUE, max_attempts=10, timeout=BATCH_SECONDS + 110)
def deliver_mails(*, mail_ids: list[int]) -> None:
    """Send these mails of the outbox, as far as they are still to be sent."""
    deliver(mail_ids)


@task(queue_name=QUEUE)
def note_event(
    *, kind: str, provider_id: str, recipient: str, cause: str, said: str, is_second_look: bool = False
) -> None:
    """Note what the provider tells of a mail; where there is none yet, look once more a little later."""
    event = {"kind": kind, "provider_id": provider_id, "recipient": recipient, "cause": cause, "said": said}
    if not note(**event) and not is_second_look:
        note_event.using(run_after=timezone.now() + SECOND_LOOK).enqueue(**event, is_second_look=True)
