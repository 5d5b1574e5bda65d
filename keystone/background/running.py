"""Run one attempt of a task."""

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from inspect import iscoroutinefunction
from typing import Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.conf import settings
from django.db import close_old_connections, connections, reset_queries
from django.tasks import Task, TaskContext, TaskResult, TaskResultStatus
from django.tasks.base import TaskError
from django.tasks.signals import task_finished, task_started
from django.utils import timezone, translation
from procrastinate.jobs import Job

from keystone.background.arguments import storable
from keystone.background.declaring import MAX_ATTEMPTS, TIMEOUT
from keystone.background.errors import described
from keystone.background.executors import Abandoned, Interrupted, TaskLoop, ThreadPool
from keystone.background.finding import ForeignTask, TaskNotFound, find_task
from keystone.background.queue import Outcome
from keystone.background.results import row_result
from keystone.background.retries import GiveUp, RetryLater, next_attempt
from keystone.observability import telemetry
from keystone.observability.logs.context import log_context
from keystone.observability.origin import origin

logger = logging.getLogger(__name__)


class TaskTimeout(Exception):  # noqa: N818 - what happened to a task
    """An attempt ran for longer than its task allows."""


class TaskStopped(Exception):  # noqa: N818 - what happened to a task
    """The task was stopped while it was running."""


@dataclass(frozen=True)
class Returned:
    """The return value of a function, as JSON."""

    value: Any


@dataclass
class Attempt:
    """An attempt at a task, running or finished.

    Attributes:
        stop: set to end the attempt early.
        left: whether it was ended only because the worker is stopping; the task is then put back.
        abandoned: whether it did not end when interrupted. It may still be running, but its result is ignored.
    """

    job: Job
    stop: asyncio.Event
    left: bool = False
    abandoned: bool = False
    task: "Task[Any, Any] | None" = None
    result: "TaskResult[Any, Any] | None" = None
    error: BaseException | None = None
    seconds: float = 0.0

    @property
    def number(self) -> int:
        """The number of the attempt, starting at 1."""
        return self.job.attempts + 1

    @property
    def timeout(self) -> float | None:
        """Seconds that the attempt may take; None for no limit."""
        limit: float | None = getattr(self.task, "timeout", TIMEOUT)
        return limit

    @property
    def is_over(self) -> bool:
        """Whether the attempt was stopped or has used up its time."""
        return self.stop.is_set() or (self.timeout is not None and self.seconds >= self.timeout)


class Runner:
    """Runs attempts: functions in threads, coroutines on a separate event loop.

    Args:
        worker: the name stored with errors.
        grace: seconds for an attempt to end once it is interrupted or cancelled.
    """

    def __init__(self, *, worker: str, grace: float) -> None:
        self.worker = worker
        self.grace = grace
        self._threads = ThreadPool()
        self._loop = TaskLoop()

    async def run(self, attempt: Attempt) -> Outcome:
        """Run an attempt until it ends or its time is up. This never raises."""
        begun = time.monotonic()
        try:
            task = attempt.task = find_task(attempt.job.task_name)
            result = await self._call(task, attempt)
        except Abandoned as error:
            attempt.abandoned = True
            result = self._ended(attempt, error)
        except Exception as error:  # noqa: BLE001 - a row that nobody can run is a failed task, not a dead worker
            result = error
        attempt.seconds = time.monotonic() - begun
        if isinstance(result, (Interrupted, asyncio.CancelledError)) and attempt.is_over:
            result = self._ended(attempt, result)
        if isinstance(result, Returned):
            return Outcome("succeeded", value=result.value)
        attempt.error = result
        return self._judged(attempt, result)

    async def tell(self, attempt: Attempt, status: str) -> None:
        """Send `task_finished` after the end of a task was written."""
        if attempt.result is None or status == "todo" or not _somebody_listens():
            return
        ended = TaskResultStatus.SUCCESSFUL if status == "succeeded" else TaskResultStatus.FAILED
        object.__setattr__(attempt.result, "status", ended)
        object.__setattr__(attempt.result, "finished_at", timezone.now())
        call = partial(_announce, attempt, worker=self.worker)
        try:
            await self._threads.run(call, timeout=30, grace=self.grace, stop=asyncio.Event())
        except Abandoned:
            logger.exception("a receiver of task_finished does not come back")
            attempt.abandoned = True

    def close(self) -> None:
        """Stop the idle threads and the event loop."""
        self._threads.close()
        self._loop.close()

    async def _call(self, task: "Task[Any, Any]", attempt: Attempt) -> Any:
        job = attempt.job
        if not {"args", "kwargs"} <= job.task_kwargs.keys():
            raise ForeignTask(f"The row of {job.task_name} was not written by Keystone's backend.")
        workers = ["?"] * job.attempts + [self.worker]
        now = timezone.now()
        attempt.result = row_result(task, job, status=TaskResultStatus.RUNNING, started_at=now, worker_ids=workers)
        if iscoroutinefunction(task.func):
            coroutine = partial(_run_async, task, attempt.result, job)
            return await self._loop.run(coroutine, timeout=attempt.timeout, grace=self.grace, stop=attempt.stop)
        call = partial(_run, task, attempt.result, job)
        return await self._threads.run(call, timeout=attempt.timeout, grace=self.grace, stop=attempt.stop)

    def _ended(self, attempt: Attempt, by: BaseException) -> BaseException:
        """Return the error of an attempt that was stopped or timed out."""
        error: Exception
        if attempt.stop.is_set():
            error = TaskStopped("It was stopped while it ran.")
        else:
            more = " It went on when it was interrupted, and may still run." if attempt.abandoned else ""
            error = TaskTimeout(f"It ran for longer than {attempt.timeout:g} seconds.{more}")
        error.__cause__ = by
        return error

    def _judged(self, attempt: Attempt, error: BaseException) -> Outcome:
        if isinstance(error, RetryLater):
            return Outcome("todo", again_at=error.at, counts=False)
        kept = described(error, worker=self.worker)
        if isinstance(error, TaskStopped):
            return Outcome("aborted", error=kept)
        again_at = None
        if not isinstance(error, (GiveUp, TaskNotFound)):  # the worker decides how long to wait for missing code
            max_attempts = getattr(attempt.task, "max_attempts", MAX_ATTEMPTS)
            again_at = next_attempt(failures=attempt.number, max_attempts=max_attempts)
        return Outcome("failed" if again_at is None else "todo", again_at=again_at, error=kept)


def _somebody_listens() -> bool:
    """Whether `task_finished` has a receiver besides Django's own logging. Otherwise no thread is needed."""
    return len(task_finished.receivers) > 1


@contextmanager
def origin_of(job: Job) -> Iterator[None]:
    """Attribute the block to the request that enqueued the task, and its log lines to the request and the task."""
    request_id = str(job.task_kwargs.get("request_id", ""))
    with origin(request_id=request_id), log_context(task=job.task_name, task_id=str(job.id)):
        yield


@contextmanager
def _surroundings(job: Job) -> Iterator[None]:
    """Run the block as a request would: with its origin, the site's language and UTC."""
    with origin_of(job), translation.override(settings.LANGUAGE_CODE), timezone.override(None):
        yield


def _arguments(task: "Task[Any, Any]", result: "TaskResult[Any, Any]") -> list[Any]:
    return [TaskContext(task_result=result), *result.args] if task.takes_context else list(result.args)


def _run(task: "Task[Any, Any]", result: "TaskResult[Any, Any]", job: Job) -> Any:
    """Call a function with its thread's database connections, and return its exception as a value."""
    close_old_connections()
    try:
        with _surroundings(job), telemetry.span(f"task {job.task_name}"):
            task_started.send_robust(type(task.get_backend()), task_result=result)
            try:
                return _returned(task, task.func(*_arguments(task, result), **result.kwargs))
            except Interrupted:
                raise
            except BaseException as error:  # noqa: BLE001 - whatever it raises is its failure, SystemExit included
                telemetry.failed(error)
                return error
    finally:
        close_old_connections()
        reset_queries()


async def _run_async(task: "Task[Any, Any]", result: "TaskResult[Any, Any]", job: Job) -> Any:
    """Await a coroutine function, and return its exception as a value.

    Its `sync_to_async` calls, such as those of Django's ORM, run in a separate thread.
    """
    async with ThreadSensitiveContext():
        try:
            with _surroundings(job), telemetry.span(f"task {job.task_name}"):
                await task_started.asend_robust(type(task.get_backend()), task_result=result)
                try:
                    return _returned(task, await task.func(*_arguments(task, result), **result.kwargs))
                except BaseException as error:  # noqa: BLE001 - as above, cancellation included
                    telemetry.failed(error)
                    return error
        finally:
            await sync_to_async(connections.close_all)()


def _returned(task: "Task[Any, Any]", value: Any) -> Returned:
    return Returned(storable(value, what=f"What {task.module_path} returned"))


def _announce(attempt: Attempt, *, worker: str) -> None:
    result = attempt.result
    assert result is not None  # noqa: S101 - checked in `tell`
    if attempt.error is not None:
        kept = described(attempt.error, worker=worker)
        result.errors.append(TaskError(exception_class_path=kept["class"], traceback=kept["traceback"]))
    close_old_connections()
    try:
        with _surroundings(attempt.job):
            task_finished.send_robust(type(result.task.get_backend()), task_result=result)
    finally:
        close_old_connections()


def log_end(attempt: Attempt, outcome: Outcome, status: str | None) -> None:
    """Log one line about the end of an attempt, without the task's arguments."""
    job, error = attempt.job, attempt.error
    what = (job.id, job.task_name, attempt.seconds, attempt.number)
    if status is None:
        logger.warning("task %s %s ended in %.3f s (attempt %d), but was another worker's by then", *what)
    elif error is None:
        logger.info("task %s %s succeeded in %.3f s (attempt %d)", *what)
    elif status == "todo":
        level = logging.INFO if isinstance(error, RetryLater) else logging.WARNING
        logger.log(
            level,
            "task %s %s ended in %.3f s (attempt %d) with %s; again at %s",
            *what,
            type(error).__name__,
            outcome.again_at,
        )
    else:
        logger.error("task %s %s failed in %.3f s (attempt %d): %s", *what, status, exc_info=error)
