"""The event loop for async tasks, separate from the worker's."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import Context
from functools import partial
from typing import Any

from keystone.background.thread_pool import Abandoned
from keystone.background.waiting import ended


class TaskLoop:
    """An event loop in a separate thread, started on first use."""

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
            with suppress(RuntimeError):  # the loop is closed, so nothing waits for the result
                own.call_soon_threadsafe(lambda: None if done.done() else done.set_result(result))

        def cancel() -> None:
            for task in tasks:
                task.cancel()

        loop.call_soon_threadsafe(begin)
        interrupt = partial(loop.call_soon_threadsafe, cancel)
        if not await ended(done, interrupt, timeout=timeout, grace=grace, stop=stop):
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
            self._thread = threading.Thread(target=_run, args=(self._loop,), name="task-loop", daemon=True)
            self._thread.start()
        return self._loop


def _run(loop: asyncio.AbstractEventLoop) -> None:
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
