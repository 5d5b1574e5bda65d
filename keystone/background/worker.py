"""A worker, which runs as many due tasks at once as it has slots."""

import asyncio
import logging
import math
import os
import socket
import time
from dataclasses import replace

import psycopg
from django.utils import timezone
from procrastinate.contrib.django.settings import settings as procrastinate_settings
from procrastinate.jobs import Job

from keystone.background.connection import BackOff, Connection, DatabaseAway
from keystone.background.errors import described
from keystone.background.finding import TaskNotFound
from keystone.background.options import End, WorkerOptions
from keystone.background.queue import Outcome, Queue, WorkerUnknown
from keystone.background.retries import OTHER_CODE, OTHER_CODE_PATIENCE
from keystone.background.running import Attempt, Runner, log_end, origin_of
from keystone.background.upkeep import Upkeep

logger = logging.getLogger(__name__)

LEAVING = 5.0  # seconds during which a stopping worker tries to sign off
DOUBT = 60.0  # seconds after a lost answer during which the statement may still complete


class Worker:
    """A worker. `run` returns when it has ended; `stop` ends it gracefully, a second call ends it at once."""

    def __init__(self, options: WorkerOptions) -> None:
        self.options = options
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        alias = procrastinate_settings.DATABASE_ALIAS
        self.connection = Connection(alias, purpose=f"keystone worker {os.getpid()}")
        self.queue = Queue(self.connection, queues=options.queues)
        self.runner = Runner(worker=self.name, grace=options.grace)
        self.worker_id: int | None = None
        self.done = 0  # attempts that have ended
        self.lost = 0  # slots whose task did not end when it was interrupted
        self.stopping = asyncio.Event()
        self.hurry = asyncio.Event()
        self.wake = asyncio.Event()
        self.attempts: dict[asyncio.Task[None], Attempt] = {}
        self._registering = asyncio.Lock()
        self._told_to_stop = False
        self._deadline = math.inf
        self._doubtful_until = 0.0

    async def run(self) -> End:
        """Work until stopped; without `wait`, until no task is due."""
        upkeep = Upkeep(self)
        try:
            upkeep.start()
            await self._serve()
            await self._wait_for_attempts()
        finally:
            await upkeep.stop()
            await self._leave()
            await self.connection.close()
            self.runner.close()
        return End.STOPPED if self._told_to_stop or not self.lost else End.RECYCLE

    def stop(self) -> None:
        """Take no new tasks, and end when the running ones have ended. A second call ends now and puts them back."""
        if self._told_to_stop:
            self.hurry.set()
            return
        logger.info("worker %s stops; %d tasks are running", self.worker_id, len(self.attempts))
        self._told_to_stop = True
        self._end_within(self.options.shutdown_timeout)

    def _end_within(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        self.stopping.set()
        self.wake.set()

    async def registered(self) -> int:
        """Return the worker's id in the queue, registering the worker if it has none.

        Raises:
            DatabaseAway: the database does not respond.
        """
        async with self._registering:
            if self.worker_id is None:
                concurrency = self.options.concurrency
                self.worker_id = await self.queue.register(name=self.name, concurrency=concurrency)
                queues = ", ".join(self.options.queues or ["all"])
                if self.options.wait:
                    logger.info("worker %s is ready: queues %s, %d at once", self.worker_id, queues, concurrency)
            return self.worker_id

    def forget(self, worker_id: int) -> None:
        """Forget an id that was presumed dead, so that the worker registers again."""
        if self.worker_id == worker_id:
            logger.warning("worker %s was silent for too long; others have its tasks. It begins anew", worker_id)
            self.worker_id = None

    @property
    def free(self) -> int:
        """The number of tasks that could be taken now."""
        return self.options.concurrency - len(self.attempts) - self.lost

    async def _serve(self) -> None:
        back_off, slots = BackOff(), 1
        while not self.stopping.is_set():
            if self.free <= 0:
                await _first_of(self.wake, self.stopping)
                self.wake.clear()
                continue
            self.wake.clear()
            asked = min(self.free, slots)
            try:
                jobs = await self._fetch(asked)
            except DatabaseAway:
                await _first_of(self.stopping, seconds=back_off.next())
                continue
            except psycopg.Error:
                logger.exception("fetching tasks failed, and is tried again")
                await _first_of(self.stopping, seconds=self.options.poll)
                continue
            back_off = BackOff()
            for job in jobs:
                self._start(job)
            if len(jobs) == asked:  # there may be more
                slots = self.options.concurrency
                continue
            slots = 1
            if not self.options.wait and not self.attempts:
                return
            await _first_of(self.wake, self.stopping, seconds=self.options.poll)

    async def _fetch(self, slots: int) -> list[Job]:
        worker = await self.registered()
        try:
            if time.monotonic() < self._doubtful_until:
                await self.queue.release(worker, running=self._running_of(worker))
            jobs = await self.queue.fetch(worker, slots=slots)
        except WorkerUnknown:
            self.forget(worker)
            return []
        except DatabaseAway:
            self._doubtful_until = time.monotonic() + DOUBT
            raise
        return [] if self.stopping.is_set() else jobs  # tasks fetched too late are put back when the worker leaves

    def _running_of(self, worker: int) -> list[int]:
        jobs = (attempt.job for attempt in self.attempts.values())
        return [job.id for job in jobs if job.worker_id == worker and job.id is not None]

    def _start(self, job: Job) -> None:
        attempt = Attempt(job, asyncio.Event())
        task = asyncio.create_task(self._see_through(attempt))
        self.attempts[task] = attempt
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        attempt = self.attempts.pop(task)
        self.done += 1
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("task %s could not be seen to its end, and is put back", attempt.job.id, exc_info=error)
            self._doubtful_until = time.monotonic() + DOUBT
        if attempt.abandoned:
            self.lost += 1
            logger.error("task %s goes on although it was interrupted; its slot is lost", attempt.job.id)
            if not self.stopping.is_set():
                self._end_within(self.options.recycle_timeout)
        self.wake.set()

    async def _see_through(self, attempt: Attempt) -> None:
        """Run an attempt and write its outcome, however long the database is away."""
        outcome = await self.runner.run(attempt)
        if attempt.left and outcome.status == "aborted":
            return
        back_off = BackOff()
        while True:
            try:
                if isinstance(attempt.error, TaskNotFound):
                    outcome = await self._without_code(attempt.job, outcome)
                status = await self.queue.finish(attempt.job, outcome)
                break
            except DatabaseAway:
                await asyncio.sleep(back_off.next())
            except psycopg.Error as error:  # the outcome cannot be stored as it is
                logger.exception("the outcome of task %s could not be written", attempt.job.id)
                attempt.error = error
                outcome = Outcome("failed", error=described(error, worker=self.name))
                await asyncio.sleep(back_off.next())
        with origin_of(attempt.job):
            log_end(attempt, outcome, status)
        if status is not None:
            await self.runner.tell(attempt, status)

    async def _without_code(self, job: Job, outcome: Outcome) -> Outcome:
        """Leave a task to workers with other code for a while, without counting a failure."""
        if await self.queue.tried_for(job) >= OTHER_CODE_PATIENCE:
            return outcome
        return replace(outcome, status="todo", again_at=timezone.now() + OTHER_CODE, counts=False)

    async def _wait_for_attempts(self) -> None:
        """Wait for running attempts until the deadline, then interrupt them. Tasks that do not end are put back."""
        if not self.attempts:
            return
        while self.attempts and not self.hurry.is_set() and (left := self._deadline - time.monotonic()) > 0:
            self.wake.clear()
            await _first_of(self.wake, self.hurry, seconds=min(left, self.options.poll))
        for attempt in self.attempts.values():
            attempt.left = True
            attempt.stop.set()
        if self.attempts:
            await asyncio.wait(self.attempts, timeout=min(self.options.grace, 2.0))
        for task, attempt in list(self.attempts.items()):
            logger.warning("task %s %s did not end in time, and is put back", attempt.job.id, attempt.job.task_name)
            attempt.abandoned = True
            task.cancel()
        if self.attempts:
            await asyncio.wait(self.attempts)

    async def _leave(self) -> None:
        """Put unfinished tasks back, and leave the queue."""
        back_off, deadline = BackOff(), time.monotonic() + LEAVING
        while self.worker_id is not None and time.monotonic() < deadline:
            try:
                back = await self.queue.leave(self.worker_id)
            except DatabaseAway:
                await asyncio.sleep(back_off.next())
                continue
            if back:
                logger.warning("worker %s has put %d tasks back", self.worker_id, back)
            if self.options.wait:
                logger.info("worker %s has stopped", self.worker_id)
            self.worker_id = None


async def _first_of(*events: asyncio.Event, seconds: float | None = None) -> None:
    """Wait until one of the events is set or the time is up."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
