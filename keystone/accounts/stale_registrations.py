"""Expire registrations that are never verified: warn once, and delete a week later by default."""

import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import DatabaseError, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Now
from django.utils import timezone

from keystone.accounts import signals
from keystone.accounts.batches import walk
from keystone.accounts.emails import queue_email
from keystone.accounts.managers import UserQuerySet
from keystone.accounts.models import User
from keystone.accounts.send_signals import send_signal
from keystone.accounts.status import Status
from keystone.accounts.tokens import OneTimeToken
from keystone.actors.actor import Actor
from keystone.audit.log import event, record
from keystone.conf import options
from keystone.mail.models import OutgoingMail

logger = logging.getLogger(__name__)

PEOPLE_AT_A_TIME = 500


@dataclass
class Expired:
    """The result of deleting registrations.

    Attributes:
        deleted: how many were deleted.
        kept: how many could not be deleted, because something in another app refers to them; the log says which.
    """

    deleted: int = 0
    kept: int = 0


def unproved_since(moment: datetime) -> UserQuerySet:
    """Return the registrations whose email address has been unverified since `moment` (UTC) or longer.

    After a rejection was taken back, the time counts from then. Accounts with a role, group or permission, or that ever
    signed in, are left out.
    """
    grants = (User.groups.through, User.user_permissions.through)
    people: UserQuerySet = User.objects.filter(
        *(~Exists(through._base_manager.filter(user=OuterRef("pk"))) for through in grants),
        status=Status.PENDING_EMAIL_VERIFICATION,
        email_verified_at__isnull=True,
        created_at__lte=moment,
        status_changed_at__lte=moment,
        last_login__isnull=True,
        is_staff=False,
        is_superuser=False,
    )
    return people


def warn_stale_registrations() -> int:
    """Mail a new link to everybody whose registration is about to expire, once. Call it outside a transaction.

    Returns:
        The number of people warned.
    """
    if not options().unverified_expire_after:
        return 0
    warned = 0
    while True:
        with transaction.atomic():
            stale = unproved_since(timezone.now() - options().unverified_warned_after).filter(
                Q(expiry_warned_at__isnull=True) | Q(expiry_warned_at__lt=F("status_changed_at"))
            )
            rows = stale.order_by("created_at").select_for_update(skip_locked=True, no_key=True)
            ids = list(rows.values_list("pk", flat=True)[:PEOPLE_AT_A_TIME])
            now = timezone.now()
            User.objects.filter(pk__in=ids).update(expiry_warned_at=now)
            queue_email("registration_expires", ids, key=now.isoformat())
        warned += len(ids)
        if len(ids) < PEOPLE_AT_A_TIME:
            return warned


def expire_stale_registrations(*, by: Actor) -> Expired:
    """Delete expired registrations and their emails. Call it outside a transaction.

    A registration is kept if the warning was not early enough, or if it has a link that still works. If a verification
    and a deletion happen at the same time, the first to lock the row wins; the other finds it verified or gone.
    """
    done = Expired()
    if not options().unverified_expire_after:
        return done

    def delete(ids: Collection[Any]) -> None:
        done.deleted += _delete(ids, by=by)

    def keep(key: Any, error: Exception) -> None:
        logger.error("The registration %s has expired, and could not be deleted.", key, exc_info=error)
        done.kept += 1

    walk(_expired, delete, keep, size=PEOPLE_AT_A_TIME, faults=DatabaseError)
    return done


def _expired() -> UserQuerySet:
    now, limits = timezone.now(), options()
    warned_before = now - (limits.unverified_expire_after - limits.unverified_warned_after)
    return unproved_since(now - limits.unverified_expire_after).filter(
        expiry_warned_at__lte=warned_before, expiry_warned_at__gte=F("status_changed_at")
    )


@transaction.atomic
def _delete(ids: Collection[Any], *, by: Actor) -> int:
    # Rows locked by a verification or a request for another link are skipped. Nothing can refer to a row locked here.
    rows = {user.pk: user for user in _expired().filter(pk__in=ids).order_by("pk").select_for_update(skip_locked=True)}
    # A link that sets a password verifies the email address too.
    links = OneTimeToken.objects.filter(user__in=list(rows), used_at__isnull=True, expires_at__gt=Now())
    for key in links.values_list("user", flat=True):
        rows.pop(key, None)
    gone = list(rows.values())
    record([event("user.registration_expired", user, by=by) for user in gone])
    OutgoingMail.objects.filter(user__in=gone).delete()
    User.objects.filter(pk__in=list(rows)).delete()
    for user in gone:
        send_signal(signals.registration_expired, user, by=by)
    return len(gone)
