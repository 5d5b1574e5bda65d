"""Delete old runs."""

from datetime import timedelta

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from keystone.background.batches import delete_in_chunks
from keystone.data.models import DataRun


def prune_runs(*, older_than: timedelta) -> int:
    """Delete finished runs, except the last of each name. Call it outside a transaction.

    The steps of a pipeline are deleted together with it. It stays if any of its steps has to stay.

    Args:
        older_than: minimum time since the end of a run. A run that has not finished stays.

    Returns:
        The number of deleted runs, including steps.
    """
    before = timezone.now() - older_than
    newer = DataRun.objects.filter(kind=OuterRef("kind"), name=OuterRef("name"), pk__gt=OuterRef("pk"))
    stays = Q(finished_at=None) | Q(finished_at__gte=before) | ~Exists(newer)
    steps_that_stay = DataRun.objects.filter(stays, pipeline=OuterRef("pk"))
    old = DataRun.objects.filter(Exists(newer), ~Exists(steps_that_stay), pipeline=None, finished_at__lt=before)
    return delete_in_chunks(old)
