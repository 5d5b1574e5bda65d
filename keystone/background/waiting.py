"""Wait for events, and back off while the database is away."""

import asyncio
from collections.abc import Callable
from typing import Any

FIRST_WAIT, LONGEST_WAIT = 0.25, 5.0  # seconds between attempts while the database is away


class BackOff:
    """Increasing waits while the database is away."""

    def __init__(self) -> None:
        self.wait = FIRST_WAIT

    def next(self) -> float:
        """Return the seconds to wait now."""
        wait, self.wait = self.wait, min(self.wait * 2, LONGEST_WAIT)
        return wait


async def first_of(*events: asyncio.Event, seconds: float | None = None) -> None:
    """Wait until one of the events is set or the time is up."""
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
    """Wait for a call that runs elsewhere to end, interrupt it if it does not, and return whether it ended.

    Args:
        done: set when the call ends.
        interrupt: called after `timeout` seconds (None: never), or when `stop` is set.
        grace: seconds for the interrupted call to end.
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
