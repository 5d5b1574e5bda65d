"""Immediate notices: one email to each approver for each person who begins to wait or leaves.

However many register in an hour, an approver gets at most `approval_notices_per_hour` such emails. One email after the
hour lists the rest (see `digests.queue_rest`).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import batched
from typing import Any

from django.db import connection, transaction
from django.db.models import Count
from django.utils import timezone

from keystone.accounts.emails import queue_email
from keystone.accounts.hooks import approvers_hear
from keystone.accounts.managers import UserQuerySet
from keystone.accounts.models import User
from keystone.accounts.preferences import ApprovalNotices
from keystone.accounts.status import Status
from keystone.actors.actor import Actor, ActorKind
from keystone.approval.notices.recipients import APPROVE, SUSPEND, who_may, with_setting
from keystone.background.declaring import task
from keystone.conf import options
from keystone.mail.models import OutgoingMail

NEWS = timedelta(days=1)  # the reminder covers what is older
PEOPLE_PER_TASK = 500
LOCK = 0x6B65_796E  # "keyn"


@dataclass(frozen=True)
class Notice:
    """A kind of notice about one person.

    Attributes:
        permission: the permission of those who get it.
        status: the person's status while the notice is true.
        since: the column with the start of that status; it distinguishes one period from the next.
    """

    permission: str
    status: Status
    since: str


NOTICES = {
    "person_waits": Notice(APPROVE, Status.PENDING_ADMIN_APPROVAL, "awaiting_since"),
    "person_left": Notice(SUSPEND, Status.DEACTIVATED, "status_changed_at"),
}


@task()
def send_notices(*, name: str, user_ids: list[str], but: str = "") -> int:
    """Queue the notice `name` about these people for everybody who gets it immediately.

    Returns:
        The number of queued emails.
    """
    return queue_notices(name, user_ids, but=but)


@approvers_hear.register
def tell_approvers(name: str, people: Collection[User], *, by: Actor) -> None:
    """Notify approvers about these people. Call it in the transaction of the change.

    It costs the caller one row, however many approvers there are.

    Args:
        name: a key of `NOTICES`.
        by: who did it; administrators are not notified of their own actions.
    """
    but = str(by.user.pk) if by.kind is ActorKind.ADMINISTRATOR else ""
    for some in batched(people, PEOPLE_PER_TASK):
        send_notices.enqueue(name=name, user_ids=[str(user.pk) for user in some], but=but)


@transaction.atomic
def queue_notices(name: str, user_ids: Collection[Any], *, but: str = "") -> int:
    """Queue the notice `name` about these people, for everybody who gets it immediately.

    There is one email for each approver, person and period, so it may be called twice. Approvers who have reached the
    hourly limit get no more. Only one caller counts at a time.

    Args:
        but: the primary key of an approver who already knows; empty for none.

    Returns:
        The number of queued emails.
    """
    notice = NOTICES[name]
    people = list(still_so(notice).filter(pk__in=user_ids, **{f"{notice.since}__gt": timezone.now() - NEWS}))
    if not people:
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    recipients = who_may(notice.permission).exclude(pk__in=[but] if but else [])
    left = _left(list(with_setting(recipients, ApprovalNotices.IMMEDIATE).order_by("pk").values_list("pk", flat=True)))
    queued = 0
    for person in people:
        since = getattr(person, notice.since)
        keys = [key for key, more in left.items() if more > 0]
        if not keys:
            break
        for key in keys:
            left[key] -= 1
        period = f"{person.pk}:{since.timestamp():.6f}"
        queued += queue_email(name, keys, key=period, person=str(person.pk), since=since.isoformat())
    return queued


def still_so(notice: Notice) -> UserQuerySet:
    """Return the people of whom a notice is true, earliest first."""
    people: UserQuerySet = User.objects.filter(status=notice.status).order_by(notice.since, "pk")
    return people


def hour_of(moment: datetime) -> datetime:
    """Return the start of the hour (UTC)."""
    return moment.replace(minute=0, second=0, microsecond=0)


def _left(approvers: Collection[Any]) -> dict[Any, int]:
    """Return how many more notices each approver gets in this hour, by primary key."""
    this_hour = OutgoingMail.objects.filter(
        template__in=NOTICES, user__in=approvers, created_at__gte=hour_of(timezone.now())
    )
    counted = dict(this_hour.order_by().values_list("user").annotate(Count("pk")))
    return {key: options().approval_notices_per_hour - counted.get(key, 0) for key in approvers}
