"""Delete old runs."""

from datetime import timedelta

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from keystone.background.batches import delete_in_chunks
from keystone.scheduling.models import OPEN_STATES, ScheduledRun


def prune_runs(*, older_than: timedelta) -> int:
    """Delete runs that have ended, except the last one of each job. Call this outside a transaction.

    Args:
        older_than: the minimum time since a run was due.

    Returns:
        The number of runs that were deleted.
    """
    later = Q(slot__gt=OuterRef("slot")) | Q(slot=OuterRef("slot"), pk__gt=OuterRef("pk"))
    newer = ScheduledRun.objects.filter(later, job=OuterRef("job"))
    old = ScheduledRun.objects.filter(Exists(newer), slot__lt=timezone.now() - older_than)
    return delete_in_chunks(old.exclude(state__in=OPEN_STATES))
