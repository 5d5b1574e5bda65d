"""Forgetting old runs on data."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from keystone.data.models import DataRun, Kind, State
from keystone.data.pruning import prune_runs

pytestmark = pytest.mark.django_db(transaction=True)
MONTH = timedelta(days=30)


def ran(name: str, days: int, state: State = State.SUCCEEDED, **fields: Any) -> DataRun:
    ended = timezone.now() - timedelta(days=days)
    fields = {"kind": Kind.IMPORTER, "by": "root", "finished_at": ended, **fields}
    if state == State.RUNNING:
        fields["finished_at"] = None
    return DataRun.objects.create(name=name, state=state, started_at=ended - timedelta(hours=1), **fields)


def left() -> list[tuple[str, str, str]]:
    return list(DataRun.objects.order_by("pk").values_list("kind", "name", "state"))


def test_old_runs_are_forgotten_except_the_last_of_each_name_and_what_goes_on() -> None:
    for name, days, state in (
        ("a", 90, State.SUCCEEDED),
        ("a", 80, State.RUNNING),  # an old one that was resumed
        ("a", 70, State.FAILED),
        ("a", 1, State.SUCCEEDED),
        ("b", 60, State.INTERRUPTED),
        ("b", 50, State.FAILED),
    ):
        ran(name, days, state)
    ran("b", 40, kind=Kind.SEEDER)  # another thing of the same name
    assert prune_runs(older_than=MONTH) == 3
    assert left() == [
        ("importer", "a", "running"),
        ("importer", "a", "succeeded"),
        ("importer", "b", "failed"),
        ("seeder", "b", "succeeded"),
    ]
    assert prune_runs(older_than=MONTH) == 0


def test_the_time_counts_from_the_end() -> None:
    DataRun.objects.filter(pk=ran("a", 29).pk).update(started_at=timezone.now() - timedelta(days=300))
    ran("a", 1)
    assert prune_runs(older_than=MONTH) == 0


def test_steps_go_with_their_pipeline_and_not_before() -> None:
    for days in (90, 60, 40):
        pipeline = ran("nightly", days, kind=Kind.PIPELINE)
        for name in ("people", "groups"):
            ran(name, days, pipeline=pipeline, step=name)
    assert prune_runs(older_than=MONTH) == 6
    assert left() == [
        ("pipeline", "nightly", "succeeded"),
        *[("importer", name, "succeeded") for name in ("people", "groups")],
    ]


@pytest.mark.parametrize(
    ("name", "days", "state"),
    [("once", 90, State.SUCCEEDED), ("often", 10, State.SUCCEEDED), ("often", 90, State.RUNNING)],
)
def test_a_pipeline_stays_for_the_sake_of_a_step_that_has_to(name: str, days: int, state: State) -> None:
    pipeline = ran("nightly", 90, kind=Kind.PIPELINE)
    ran(name, days, state, pipeline=pipeline, step="first")
    for later in ("nightly", "often"):
        ran(later, 1, kind=Kind.PIPELINE if later == "nightly" else Kind.IMPORTER)
    assert prune_runs(older_than=MONTH) == 0
    DataRun.objects.filter(step="first").update(name="often", state=State.SUCCEEDED, finished_at=pipeline.finished_at)
    assert prune_runs(older_than=MONTH) == 2
