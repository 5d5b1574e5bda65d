"""A worker's upkeep: heartbeats, rescue of dead workers' tasks, LISTEN."""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING

from keystone.background.connection import BackOff, Connection, DatabaseAway
from keystone.background.queue import WorkerUnknown
from keystone.background.rescue import rescue
from keystone.observability import health_file

if TYPE_CHECKING:
    from keystone.background.worker import Worker

logger = logging.getLogger(__name__)

ORPHANS_EVERY = 3  # checks for dead workers


class Upkeep:
    """The side jobs of one worker. They continue after errors, and wait while the database is away."""

    def __init__(self, worker: "Worker") -> None:
        self.worker = worker
        self.listener = Connection(worker.connection.alias, purpose=f"{worker.connection.purpose} (listens)")
        self.listener.is_quiet = True  # the worker's other connection reports outages
        self._tasks: list[asyncio.Task[None]] = []
        self._quiet_until = 0.0
        self._looks = 0

    def start(self) -> None:
        """Start the jobs. A worker without `wait` only needs heartbeats."""
        self._show(ready=False)  # a killed worker leaves its file behind
        self._quiet_until = time.monotonic() + 1.5 * self.worker.options.heartbeat
        self._tasks.append(asyncio.create_task(self._repeat(self._beat)))
        if self.worker.options.wait:
            self._tasks.append(asyncio.create_task(self._repeat(self._look)))
            self._tasks.append(asyncio.create_task(self._listen()))

    async def stop(self) -> None:
        """Stop the jobs and remove the health file. Call this after the last task has ended."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.listener.close()
        self._show(ready=False)

    def _show(self, *, ready: bool) -> None:
        health_file.show(self.worker.options.health_file, ready=ready)

    async def _repeat(self, step: Callable[[], Awaitable[None]]) -> None:
        back_off, every = BackOff(), self.worker.options.heartbeat
        while True:
            try:
                await step()
                back_off, wait = BackOff(), every
            except DatabaseAway:
                # Other workers could not send heartbeats either, so give them time.
                self._quiet_until = time.monotonic() + back_off.wait + 1.5 * every
                wait = min(back_off.next(), every)
            except Exception:
                logger.exception("a side job of the worker failed, and is tried again")
                wait = every
            asleep = time.monotonic()
            await asyncio.sleep(wait)
            if time.monotonic() - asleep > wait + every:  # the machine slept, and perhaps all workers with it
                self._quiet_until = time.monotonic() + 1.5 * every

    async def _beat(self) -> None:
        worker = await self.worker.registered()
        try:
            await self.worker.queue.beat(worker)
        except WorkerUnknown:
            self.worker.forget(worker)
            await self.worker.registered()
        self._show(ready=not self.worker.stopping.is_set())
        running = {a.job.id: a for a in self.worker.attempts.values() if a.job.id is not None}
        if running:
            for job_id in await self.worker.queue.to_be_stopped(list(running)):
                running[job_id].stop.set()

    async def _look(self) -> None:
        if time.monotonic() < self._quiet_until:
            return
        self._looks += 1
        again = await rescue(
            self.worker.connection,
            silent=self.worker.options.stalled_after,
            own=self.worker.worker_id,
            orphans=self._looks % ORPHANS_EVERY == 1,
        )
        if again:
            self.worker.wake.set()

    async def _listen(self) -> None:
        back_off = BackOff()
        while True:
            try:
                async with aclosing(self.listener.notifications(self.worker.queue.channels)) as notifications:
                    async for payload in notifications:
                        back_off = BackOff()
                        self._told(payload)
            except DatabaseAway:
                await asyncio.sleep(back_off.next())
            except Exception:
                logger.exception("listening for tasks failed, and is tried again")
                await asyncio.sleep(back_off.next())

    def _told(self, payload: str) -> None:
        """Handle a notification.

        The empty payload at the start of listening wakes the worker too, since tasks may have been enqueued before.
        """
        told = json.loads(payload) if payload else {}
        if told.get("type") == "abort_job_requested":
            for attempt in self.worker.attempts.values():
                if attempt.job.id == told.get("job_id"):
                    attempt.stop.set()
        else:
            self.worker.wake.set()
