"""Wait for events, and back off while the database is away."""

import asyncio
from collections.abc import Callable
from typing import Any

FIRST_WAIT, LONGEST_WAIT = 0.25, 5.0  # seconds between attempts while the database is away


class BackOff:
    """Longer and longer waits while the database is away."""

    def __init__(self) -> None:
        self.wait = FIRST_WAIT

    def next(self) -> float:
        """The seconds to wait now."""
        wait, self.wait = self.wait, min(self.wait * 2, LONGEST_WAIT)
        return wait


async def first_of(*events: asyncio.Event, seconds: float | None = None) -> None:
    """Wait until one of the events is set, or the time is over."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


async def ended(
    done: "asyncio.Future[Any]",
    interrupt: Callable[[], object],
    *,
    timeout: float | None,
    grace: float,
    stop: asyncio.Event,
) -> bool:
    """Wait for the end of what runs elsewhere, interrupt it where that does not come, and say whether it came.

    Args:
        done: is set at its end.
        interrupt: called after `timeout` seconds (None: never), or when `stop` is set.
        grace: seconds that it then has to end.
    """
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((done, stopping), timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if not done.done():
            interrupt()
            await asyncio.wait((done,), timeout=grace)
    finally:
        stopping.cancel()
    return done.done()
