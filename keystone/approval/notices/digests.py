"""The daily digest, the reminder, and the rest of a busy hour.

Only who gets an email is decided here; its list is made when it is sent. If nobody is waiting by then, it is not sent.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count
from django.db.models.functions import TruncHour
from django.utils import timezone

from keystone.accounts.emails import queue_email
from keystone.accounts.managers import UserQuerySet
from keystone.accounts.models import User
from keystone.accounts.preferences import ApprovalNotices
from keystone.accounts.status import Status
from keystone.actors.actor import ActorKind
from keystone.approval.notices.recipients import APPROVE, SUSPEND, who_may, with_setting
from keystone.approval.notices.telling import NOTICES, hour_of
from keystone.audit.models import AuditEvent
from keystone.conf import options
from keystone.mail.models import OutgoingMail

DAY = timedelta(days=1)


def queue_digests() -> int:
    """Queue the digest of this day (UTC) for everybody who chose it, if somebody waits or has left.

    Returns:
        The number of queued emails; none on a second call on the same day.
    """
    now = timezone.now()
    permissions = [
        permission
        for permission, is_needed in (
            (APPROVE, User.objects.awaiting_approval().exists()),
            (SUSPEND, left_between(now - DAY, now).exists()),
        )
        if is_needed
    ]
    if not permissions:
        return 0
    people = with_setting(who_may(*permissions), ApprovalNotices.DIGEST)
    return _queue("people_wait", people, f"{now:%Y-%m-%d}", since=(now - DAY).isoformat())


def queue_reminders() -> int:
    """Queue a list of people who wait too long, for approvers with immediate notices. One a day.

    The digest lists these people too.

    Returns:
        The number of queued emails; none on a second call on the same day.
    """
    now = timezone.now()
    if not waiting_too_long(now).exists():
        return 0
    people = with_setting(who_may(APPROVE), ApprovalNotices.IMMEDIATE)
    return _queue("people_wait_long", people, f"{now:%Y-%m-%d}")


def queue_rest() -> int:
    """Queue an email about the people left over when an hour's limit of notices was reached. One per approver and hour.

    It covers the last day, to make up for hours in which no job ran.

    Returns:
        The number of queued emails.
    """
    now = hour_of(timezone.now())
    past = OutgoingMail.objects.filter(template__in=NOTICES, created_at__gte=now - DAY, created_at__lt=now)
    busy = (
        past.order_by()
        .annotate(hour=TruncHour("created_at"))
        .values("user", "hour")
        .annotate(count=Count("pk"))
        .filter(count__gte=options().approval_notices_per_hour, user__isnull=False)
    )
    by_hour: dict[datetime, list[UUID]] = {}
    for user_id, hour in busy.order_by("user", "hour").values_list("user", "hour"):
        by_hour.setdefault(hour, []).append(user_id)
    recipients = with_setting(who_may(APPROVE), ApprovalNotices.IMMEDIATE)
    queued = 0
    for hour, ids in by_hour.items():
        queued += _queue(
            "more_people_wait", recipients.filter(pk__in=ids), f"{hour:%Y-%m-%dT%H}", since=hour.isoformat()
        )
    return queued


def waiting_too_long(now: datetime) -> UserQuerySet:
    """Return the people who have waited longer than `approval_reminder_after`."""
    people: UserQuerySet = User.objects.awaiting_approval().filter(
        awaiting_since__lte=now - options().approval_reminder_after
    )
    return people


def left_between(since: datetime, until: datetime) -> UserQuerySet:
    """Return the people who deactivated their own account in this time, and whose account is still deactivated."""
    events = AuditEvent.objects.filter(
        action="user.deactivated", actor_kind=ActorKind.PERSON, created_at__gt=since, created_at__lte=until
    )
    people: UserQuerySet = User.objects.filter(
        status=Status.DEACTIVATED, pk__in=list(events.order_by().values_list("actor", flat=True))
    )
    return people


def _queue(name: str, people: UserQuerySet, period: str, **context: str) -> int:
    return queue_email(name, list(people.order_by("pk").values_list("pk", flat=True)), key=period, **context)
