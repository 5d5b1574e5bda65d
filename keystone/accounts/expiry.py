"""Expire access and suspensions. Jobs do this for everybody, every minute.

A late job makes no difference: `apply_expiry` handles people who come in the meantime.
"""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext

from keystone.accounts.authority import lock_superusers_among
from keystone.accounts.batches import walk
from keystone.accounts.lifecycle import deactivate_users, reactivate_users
from keystone.accounts.managers import UserQuerySet
from keystone.accounts.models import User
from keystone.accounts.status import Status
from keystone.accounts.transition import Outcome
from keystone.actors.actor import Actor

logger = logging.getLogger(__name__)

PEOPLE_AT_A_TIME = 500


@dataclass
class BatchResult:
    """The result of processing many people in batches.

    Attributes:
        changed: how many were changed.
        refused: how many a rule keeps as they are, such as the last active superuser.
        failed: how many could not be changed; the log says why.
    """

    changed: int = 0
    refused: int = 0
    failed: int = 0


def access_has_ended() -> UserQuerySet:
    """Return the accounts whose access has ended and that have not been deactivated yet."""
    people: UserQuerySet = User.objects.filter(
        status__in=(Status.ACTIVE, Status.SUSPENDED), access_ends_at__lte=timezone.now()
    )
    return people


def suspension_has_ended() -> UserQuerySet:
    """Return the accounts whose suspension has ended, but whose access has not."""
    now = timezone.now()
    still = Q(access_ends_at__isnull=True) | Q(access_ends_at__gt=now)
    people: UserQuerySet = User.objects.filter(still, status=Status.SUSPENDED, suspended_until__lte=now)
    return people


def end_access_of_all(*, by: Actor) -> BatchResult:
    """Deactivate everybody whose access has ended, in batches. Call it outside a transaction."""
    return _process_all(access_has_ended, lambda ids: deactivate_ended(ids, by=by))


def lift_all_suspensions(*, by: Actor) -> BatchResult:
    """Reactivate everybody whose suspension has ended, in batches. Call it outside a transaction."""
    return _process_all(suspension_has_ended, lambda ids: reactivate_ended(ids, by=by, notify=True))


@transaction.atomic
def deactivate_ended(ids: Collection[Any], *, by: Actor) -> Outcome:
    """Deactivate those of `ids` whose access has ended. The others are skipped, and are not in the outcome."""
    lock_superusers_among(ids)  # before the rows, as `transition` does
    ended = _locked(access_has_ended(), ids)
    return deactivate_users(ended, by=by, reason=gettext("Your access has expired."))


@transaction.atomic
def reactivate_ended(ids: Collection[Any], *, by: Actor, notify: bool) -> Outcome:
    """Reactivate those of `ids` whose suspension has ended. The others are skipped, and are not in the outcome."""
    return reactivate_users(_locked(suspension_has_ended(), ids), by=by, notify=notify)


def apply_expiry(user: User) -> User:
    """Apply an overdue expiry to this user, if no job has done so yet.

    If nothing is due, it costs only a comparison. Don't call it while the user's row is locked.

    Args:
        user: as just read; refreshed if something was due.

    Returns:
        The same object.
    """
    now = timezone.now()
    if user.access_ends_at is not None and user.access_ends_at <= now:
        deactivate_ended([user.pk], by=Actor.system())
    elif user.suspended_until is not None and user.suspended_until <= now:
        reactivate_ended([user.pk], by=Actor.system(), notify=False)  # no email: they see it themselves
    else:
        return user
    user.refresh_from_db()
    return user


def _locked(people: UserQuerySet, ids: Collection[Any]) -> list[Any]:
    """Lock the rows that are still due, and return their keys. Somebody may have just decided otherwise."""
    rows = people.filter(pk__in=ids).order_by("pk").select_for_update(no_key=True)
    return list(rows.values_list("pk", flat=True))


def _process_all(due: Callable[[], UserQuerySet], process: Callable[[Collection[Any]], Outcome]) -> BatchResult:
    worked = BatchResult()

    def count(ids: Collection[Any]) -> None:
        outcome = process(ids)
        worked.changed += len(outcome.succeeded)
        worked.refused += len(outcome.refused)

    def leave(key: Any, error: Exception) -> None:
        logger.error("The account %s could not be changed.", key, exc_info=error)
        worked.failed += 1

    walk(due, count, leave, size=PEOPLE_AT_A_TIME)
    return worked
