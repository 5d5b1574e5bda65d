"""Retry mails, and find those that were forgotten."""

import random
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from procrastinate.jobs import Status

from keystone.background.models import Task
from keystone.background.retries import doubled
from keystone.conf import options
from keystone.mail import outbox
from keystone.mail.claims import Claim, due, free
from keystone.mail.failures import Failure
from keystone.mail.models import MailState, OutgoingMail

# By default 10 seconds, 20, 40 … 4 hours: twenty attempts in about a day and a half, see RFC 5321, section 4.5.4.1.
LONGEST_WAIT = timedelta(hours=4)
MAX_ATTEMPTS = 20
JITTER = 0.2  # of the wait, up or down: what failed together does not come back together

OVERDUE = timedelta(minutes=5)
OVERDUE_AT_ONCE = 10_000


def wait_after(attempts: int) -> timedelta:
    """How long to wait after so many attempts."""
    wait = doubled(options().mail_retry_after, failures=min(attempts, MAX_ATTEMPTS), longest=LONGEST_WAIT)
    return wait * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - it guards nothing


@transaction.atomic
def retry(claimed: Claim, failure: Failure) -> None:
    """Note why a mail was not sent, with the task of its next attempt."""
    at = _next(claimed.mail.attempts)
    if claimed.settle(next_attempt_at=at, last_error=failure.reason):
        outbox.deliver_later([claimed.mail.pk], at=at)


@transaction.atomic
def put_off(mail_ids: Collection[int], failure: Failure) -> None:
    """As `retry`, for mails that were not tried: the attempt of another one has shown that none can be sent."""
    rows = list(due(mail_ids).filter(free()).order_by("pk").select_for_update(skip_locked=True, no_key=True))
    if not rows:
        return
    at = _next(1 + min(row.attempts for row in rows))
    for row in rows:
        row.attempts += 1
        row.last_error, row.next_attempt_at, row.updated_at = failure.reason, at, timezone.now()
        if row.attempts >= MAX_ATTEMPTS:
            row.state = MailState.FAILED
    OutgoingMail.objects.bulk_update(rows, ["state", "attempts", "last_error", "next_attempt_at", "updated_at"])
    outbox.deliver_later([row.pk for row in rows if row.state == MailState.QUEUED], at=at)


@transaction.atomic
def deliver_overdue() -> int:
    """Give mails a task again that have been due for more than `OVERDUE`, whatever has become of theirs.

    Nothing is done while tasks of mail are waiting: then the workers are late, and more tasks would not help.

    Returns:
        How many mails there were.
    """
    from keystone.mail.tasks import deliver_mails

    come = Q(scheduled_at=None) | Q(scheduled_at__lte=Now())
    if Task.objects.filter(come, status=Status.TODO.value, task_name=deliver_mails.module_path).exists():
        return 0
    late = Q(next_attempt_at=None) | Q(next_attempt_at__lte=timezone.now() - OVERDUE)
    rows = OutgoingMail.objects.queued().filter(late, free()).order_by("pk")
    ids = list(rows.select_for_update(skip_locked=True, no_key=True).values_list("pk", flat=True)[:OVERDUE_AT_ONCE])
    OutgoingMail.objects.filter(pk__in=ids).update(next_attempt_at=Now())
    outbox.deliver_later(ids)
    return len(ids)


def _next(attempts: int) -> datetime:
    return timezone.now() + wait_after(attempts)
