"""Run the functions of tasks: in threads, and coroutines on an event loop apart from the worker's.

Both can be interrupted and abandoned. A pool from the standard library would wait for a hanging thread, both when a
thread is needed and at shutdown.
"""

import asyncio
import ctypes
import queue
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import Context
from functools import partial
from typing import Any

from django.db import connections


class Interrupted(BaseException):
    """Raised inside a function that has run for too long or is to be stopped.

    It is not an `Exception`, so that `except Exception` in the function does not swallow it.
    """


class Abandoned(Exception):  # noqa: N818 - what happened to a call
    """A function was interrupted but did not return."""


class TaskThread(threading.Thread):
    """A thread that runs one call after another until it is interrupted or stopped."""

    def __init__(self, number: int) -> None:
        # A daemon, so that the process can exit while the thread hangs.
        super().__init__(name=f"task-{number}", daemon=True)
        self.calls: queue.SimpleQueue[tuple[Callable[[], Any], Callable[[Any], None]] | None] = queue.SimpleQueue()
        self.is_interrupted = False
        self._is_calling = False
        self._guard = threading.Lock()

    def run(self) -> None:
        """Run calls. An interrupted call is the last one, since the interruption may arrive just after the call."""
        try:
            while not self.is_interrupted and (work := self.calls.get()) is not None:
                self._call(*work)
        except Interrupted:
            pass
        finally:
            with suppress(Interrupted):
                connections.close_all()

    def _call(self, call: Callable[[], Any], tell: Callable[[Any], None]) -> None:
        result: Any = Interrupted()
        try:
            with self._guard:
                self._is_calling = True
            try:
                result = Context().run(call)  # context variables end with the task
            finally:
                with self._guard:
                    self._is_calling = False
        except Interrupted as error:
            result = error
        tell(result)

    def interrupt(self) -> None:
        """Raise `Interrupted` in the running call at its next step in Python. A blocking C call finishes first."""
        with self._guard:
            if self._is_calling and self.ident is not None:
                self.is_interrupted = True
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self.ident), ctypes.py_object(Interrupted))


class ThreadPool:
    """A pool with as many threads as calls run at once. Threads are reused."""

    def __init__(self) -> None:
        self._idle: list[TaskThread] = []
        self._made = 0

    async def run(self, call: Callable[[], Any], *, timeout: float | None, grace: float, stop: asyncio.Event) -> Any:
        """Run `call` in a thread and return its result. `call` must return its exceptions as values.

        Args:
            call: a function without arguments.
            timeout: seconds after which the call is interrupted; None for no limit.
            grace: seconds for an interrupted call to return.
            stop: an event that interrupts the call when it is set.

        Returns:
            The return value of `call`, or an `Interrupted` if it was interrupted and ended.

        Raises:
            Abandoned: the call did not return in time. Its thread is not reused and may keep running.
        """
        thread = self._idle.pop() if self._idle else self._start()
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Any] = loop.create_future()

        thread.calls.put((call, partial(_report, loop, done)))
        if await _ended(done, thread.interrupt, timeout=timeout, grace=grace, stop=stop):
            if not thread.is_interrupted:
                self._idle.append(thread)
            return done.result()
        done.cancel()
        if thread.is_alive():
            raise Abandoned
        return Interrupted()  # the interruption came so late that it ended the thread itself

    def close(self) -> None:
        """Stop the idle threads and close their connections."""
        for thread in self._idle:
            thread.calls.put(None)
        for thread in self._idle:
            thread.join()
        self._idle = []

    def _start(self) -> TaskThread:
        self._made += 1
        thread = TaskThread(self._made)
        thread.start()
        return thread


class TaskLoop:
    """An event loop for async tasks in a separate thread, started on first use."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    async def run(
        self, call: Callable[[], Coroutine[Any, Any, Any]], *, timeout: float | None, grace: float, stop: asyncio.Event
    ) -> Any:
        """Run a coroutine function, which must return its exceptions as values.

        The arguments are those of `ThreadPool.run`.

        Returns:
            The return value, or a `CancelledError` if the coroutine was cancelled and ended.

        Raises:
            Abandoned: the coroutine did not end, or blocks the loop.
        """
        loop = self._started()
        own = asyncio.get_running_loop()
        done: asyncio.Future[Any] = own.create_future()
        tasks: list[asyncio.Task[Any]] = []

        def begin() -> None:
            tasks.append(task := loop.create_task(call(), context=Context()))
            task.add_done_callback(tell)

        def tell(task: "asyncio.Task[Any]") -> None:
            result: Any = asyncio.CancelledError()
            if not task.cancelled():
                result = task.exception() or task.result()
            _report(own, done, result)

        def cancel() -> None:
            for task in tasks:
                task.cancel()

        loop.call_soon_threadsafe(begin)
        interrupt = partial(loop.call_soon_threadsafe, cancel)
        if not await _ended(done, interrupt, timeout=timeout, grace=grace, stop=stop):
            done.cancel()
            raise Abandoned
        return done.result()

    def close(self) -> None:
        """Stop the loop, unless a task blocks it."""
        loop, thread = self._loop, self._thread
        self._loop = self._thread = None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(timeout=1)

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=_run_loop, args=(self._loop,), name="task-loop", daemon=True)
            self._thread.start()
        return self._loop


def _run_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Run the loop until it is stopped, then cancel the tasks that are still running."""
    try:
        loop.run_forever()
        loop.run_until_complete(_cancel(asyncio.all_tasks(loop)))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()


async def _cancel(tasks: set["asyncio.Task[Any]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _report(loop: asyncio.AbstractEventLoop, done: "asyncio.Future[Any]", result: Any) -> None:
    """Set the result of a call from the thread in which it ran, unless it was given up."""
    with suppress(RuntimeError):  # the loop is closed, so nothing waits for the result
        loop.call_soon_threadsafe(lambda: None if done.done() else done.set_result(result))


async def _ended(
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
