"""A job that is due each second, and leaves a row for its slot; with secrets at hand, one that fails with them."""

import os
from datetime import timedelta

from keystone.scheduling.registry import scheduled
from keystone.scheduling.slots import current_slot
from tests.faults import effects
from tests.faults.canaries import VARIABLE, kept, quoted


@scheduled(every=timedelta(seconds=1), overlap=True)
def leave_row() -> None:
    """Leaves a row, each second."""
    slot = current_slot()
    assert slot is not None
    effects.leave(slot.isoformat())


def fail_with_secrets() -> None:
    """Fails, each two seconds."""
    if secrets := kept():
        raise ValueError(quoted(secrets))


if VARIABLE in os.environ:
    scheduled(every=timedelta(seconds=2))(fail_with_secrets)
