"""Promise 12: every slot runs once, and outlives any scheduler; in rows, and in what the jobs do."""

import signal
from collections import Counter
from itertools import pairwise

import pytest

from keystone.scheduling.models import OPEN_STATES, ScheduledRun
from keystone.scheduling.processes import alive
from tests.faults import effects
from tests.faults.fleet import OURS
from tests.measures import Measured
from tests.served.conftest import QUICK, Manage
from tests.served.process import ManagedProcess, until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("queue", "effect_table"),
]
JOB = "faults.leave_row"
HERE = {"TEST_APPS": OURS}


def runs() -> list[ScheduledRun]:
    """The runs of our job, by their slots."""
    return list(ScheduledRun.objects.filter(job=JOB).order_by("slot", "pk"))


def run_on(scheduler: ManagedProcess, slots: int) -> None:
    """Wait until so many more slots are claimed."""
    enough = len(runs()) + slots
    until(lambda: len(runs()) >= enough, seconds=60, alive=scheduler)


def end_runs(*schedulers: ManagedProcess, worker: ManagedProcess) -> None:
    """End the schedulers, and let the worker do what they have enqueued."""
    for scheduler in schedulers:
        assert scheduler.terminate() == 0
    until(lambda: not ScheduledRun.objects.filter(job=JOB, state__in=OPEN_STATES).exists(), alive=worker)


def test_two_schedulers_run_each_slot_once_whatever_becomes_of_one(manage: Manage, measured: Measured) -> None:
    worker = manage("worker", *QUICK, environment=HERE)
    first, second = manage("scheduler", environment=HERE), manage("scheduler", environment=HERE)
    until(lambda: alive().count() == 2, alive=first)
    run_on(first, 3)
    first.send(signal.SIGSTOP)
    run_on(second, 4)
    first.send(signal.SIGCONT)
    run_on(first, 2)
    second.kill()
    run_on(first, 4)
    end_runs(first, worker=worker)

    done = runs()
    slots = Counter(run.slot.isoformat() for run in done)
    left = effects.counted()
    twice = sum(slots.values()) - len(slots)
    gaps = [(later.slot - run.slot).total_seconds() for run, later in pairwise(done)]
    late = max((run.claimed_at - run.slot).total_seconds() for run in done)
    missed = sum(gap - 1 for gap in gaps)
    measured(
        f"two schedulers, one stopped and one killed: {len(done)} slots of a second, lost {missed:.0f} (taken over by "
        f"the next one), duplicated {twice}, at most {late:.1f} s late"
    )
    assert twice == 0
    assert left == slots  # each has left its row, once
    # What was not run stands in the run after it: two intervals at most lie between two runs.
    assert [gap == run.coalesced + 1 for run, gap in zip(done[1:], gaps, strict=True)] == [True] * len(gaps)
    assert max(gaps) <= 2


def test_control_schedulers_that_claim_no_slot_run_it_twice(manage: Manage, measured: Measured) -> None:
    unguarded = HERE | {"FAULTS_WITHOUT": "claim"}
    worker = manage("worker", *QUICK, environment=HERE)
    first, second = manage("scheduler", environment=unguarded), manage("scheduler", environment=unguarded)
    until(lambda: alive().count() == 2, alive=first)
    until(lambda: max(effects.counted().values(), default=0) > 1, seconds=60, alive=worker)
    end_runs(first, second, worker=worker)
    left = effects.counted()
    measured(f"control, schedulers without the claim: {sum(n > 1 for n in left.values())} of {len(left)} slots twice")
