"""Read when jobs are due next, and how their last runs went."""

from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Extract, JSONObject
from django_apscheduler.models import DjangoJob

from keystone.scheduling.models import ScheduledJob, ScheduledRun

LAST_RUNS = 10


def with_schedule(jobs: QuerySet[ScheduledJob]) -> QuerySet[Any]:
    """Annotate each job with `next_run_at` (UTC, or None) and `last_runs`, newest first, in the same query.

    Each run is `{"id", "state", "seconds"}`; `seconds` is None unless the run has both started and finished.
    """
    following = DjangoJob.objects.filter(pk=OuterRef("pk")).values("next_run_time")
    runs = ScheduledRun.objects.filter(job=OuterRef("pk")).order_by("-slot", "-pk")
    seconds = Extract(F("finished_at") - F("started_at"), "epoch")
    last = runs.values(data=JSONObject(id="pk", state="state", seconds=seconds))
    return jobs.annotate(next_run_at=Subquery(following[:1]), last_runs=ArraySubquery(last[:LAST_RUNS]))
