"""Jobs of the tests' own, in the place of those that the code declares."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django_apscheduler.models import DjangoJob

from keystone.scheduling import registry, storing
from keystone.scheduling.models import ScheduledJob, ScheduledRun
from keystone.scheduling.processes import beat
from keystone.scheduling.registering import declared_jobs, register_jobs

type Declare = Callable[..., registry.Declaration]
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def declared() -> Iterator[dict[str, registry.Declaration]]:
    """What the code declares: nothing, until the test does."""
    kept = dict(registry._declared)
    registry._declared.clear()
    yield registry._declared
    registry._declared.clear()
    registry._declared.update(kept)


@pytest.fixture
def declare() -> Declare:
    """Declares a job, due each minute unless told otherwise, that does nothing unless given a function."""

    def add(name: str = "shop.tidy", function: Callable[[], Any] | None = None, **options: Any) -> registry.Declaration:
        def nothing() -> None:
            """Tidies the shop."""

        if "cron" not in options:
            options.setdefault("every", MINUTE)
        registry.scheduled(id=name, **options)(function or nothing)
        return registry.declarations()[name]

    return add


def register(*, name: str = "here:1:a", starting: bool = True) -> None:
    """Register what is declared, as a scheduler of this name does."""
    beat(name, declared_jobs())
    register_jobs(name, starting=starting)


def due(declaration: registry.Declaration, *, ago: timedelta) -> datetime:
    """Register a job and let it wait for the newest slot that is at least this long ago."""
    if not ScheduledJob.objects.filter(pk=declaration.id).exists():
        register()
    slot = declaration.trigger.newest(datetime.now(UTC) - ago)
    assert slot is not None
    storing.write(declaration, slot)
    return slot


def next_run(job_id: str = "shop.tidy") -> datetime | None:
    """When a job is due next, as the table says; its state agrees."""
    row = DjangoJob.objects.get(pk=job_id)
    following: datetime | None = row.next_run_time
    assert storing.stored_job(row).next_run_time == following
    return following


def only_run() -> ScheduledRun:
    """The run, of which there is one."""
    return ScheduledRun.objects.get()
