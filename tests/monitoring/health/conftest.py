"""Fixtures of the tests of health."""

from collections.abc import Iterator

import pytest
from django.db.models.functions import Now

from keystone.monitoring.health import readiness
from keystone.scheduling.models import SchedulerProcess
from tests.background.rows import process


@pytest.fixture(autouse=True)
def _looked_at_anew() -> Iterator[None]:
    """Nothing is known from the test before, nor left for the next one."""
    readiness.forget()
    yield
    readiness.forget()


@pytest.fixture
def living(transactional_db: None) -> None:
    """A worker and a scheduler with a sign of life."""
    process()
    SchedulerProcess.objects.create(name="host:1:abc", last_heartbeat=Now())
