"""The threads that tasks run in. Each can be interrupted, or abandoned.

A pool of the standard library would wait for a thread that never comes back, when it is needed and at its end.
"""

import asyncio
import ctypes
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context
from typing import Any

from django.db import connections

from keystone.background.waiting import ended


class Interrupted(BaseException):
    """Raised inside a function that has run for too long, or is to be stopped.

    It is no Exception, so that a function's `except Exception` does not swallow it.
    """


class Abandoned(Exception):  # noqa: N818 - what happened to a call
    """A function was interrupted, and did not come back."""


class TaskThread(threading.Thread):
    """A thread that runs one call after another, until it is interrupted or told to end."""

    def __init__(self, number: int) -> None:
        # The process may end while a thread hangs.
        super().__init__(name=f"task-{number}", daemon=True)
        self.calls: queue.SimpleQueue[tuple[Callable[[], Any], Callable[[Any], None]] | None] = queue.SimpleQueue()
        self.is_interrupted = False
        self._is_calling = False
        self._guard = threading.Lock()

    def run(self) -> None:
        """Run calls. The one that is interrupted is the last: the interruption may come when it is just over."""
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
                result = Context().run(call)  # what a task sets ends with it
            finally:
                with self._guard:
                    self._is_calling = False
        except Interrupted as error:
            result = error
        tell(result)

    def interrupt(self) -> None:
        """Raise `Interrupted` in the call that runs, at its next step in Python; a wait inside C ends first."""
        with self._guard:
            if self._is_calling and self.ident is not None:
                self.is_interrupted = True
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self.ident), ctypes.py_object(Interrupted))


class ThreadPool:
    """As many threads as are needed at once, kept for the next call."""

    def __init__(self) -> None:
        self._idle: list[TaskThread] = []
        self._made = 0

    async def run(self, call: Callable[[], Any], *, timeout: float | None, grace: float, stop: asyncio.Event) -> Any:
        """Run `call` in a thread and give what it returns; `call` itself must turn its exceptions into a value.

        Args:
            call: without arguments.
            timeout: seconds, after which it is interrupted; None for no limit.
            grace: seconds that it then has to come back.
            stop: interrupts it as well, when it is set.

        Returns:
            What `call` returned, or an `Interrupted` where it was interrupted and ended thereby.

        Raises:
            Abandoned: it did not come back in time; its thread is not used again, and lives on.
        """
        thread = self._idle.pop() if self._idle else self._start()
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Any] = loop.create_future()

        def tell(result: Any) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(lambda: None if done.done() else done.set_result(result))

        thread.calls.put((call, tell))
        if await ended(done, thread.interrupt, timeout=timeout, grace=grace, stop=stop):
            if not thread.is_interrupted:
                self._idle.append(thread)
            return done.result()
        done.cancel()
        if thread.is_alive():
            raise Abandoned
        return Interrupted()  # it came so late that it ended the thread itself

    def close(self) -> None:
        """End the threads that wait for work, and their connections."""
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
