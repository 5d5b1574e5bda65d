"""The circuit breaker: after the first failure, requests don't wait for Redis."""

import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from weakref import WeakSet

from keystone.text.one_line import in_one_line

logger = logging.getLogger(__name__)
PAUSE = 1.0  # seconds between attempts to reach it again


class Breaker:
    """The circuit breaker of one cache, shared by all threads of a process. While it is open, the cache isn't used.

    The first failure opens it. A background thread then retries until it succeeds, so that no request waits for an
    attempt. It calls `mend`, which invalidates everything in the cache: while the cache was unreachable, changes could
    not be recorded in it.

    Args:
        mend: a function that reaches the cache and invalidates its content, or raises an exception.
    """

    def __init__(self, mend: Callable[[], object]) -> None:
        self._mend = mend
        self._made_new()
        _all.add(self)

    def _made_new(self) -> None:
        self.is_open = False
        self._failures = 0
        self._lock = threading.Lock()

    def fail(self, error: BaseException) -> None:
        """Open the breaker after a failed read or write. Never raises an exception."""
        with self._lock:
            self._failures += 1
            if self.is_open:
                return
            self.is_open = True
        logger.warning("The cache does not answer, and is left alone until it does: %s", in_one_line(error))
        with suppress(RuntimeError):  # the process is exiting
            threading.Thread(target=self._try_again, name="cache-breaker", daemon=True).start()

    def _try_again(self) -> None:
        while True:
            time.sleep(PAUSE)
            before = self._failures
            try:
                self._mend()
            except Exception as error:  # noqa: BLE001 - retried after any error
                logger.debug("The cache does not answer yet: %s", in_one_line(error))
                continue
            with self._lock:
                # A write may have failed during the attempt.
                if before == self._failures:
                    self.is_open = False
                    break
        logger.info("The cache answers again. What it kept from before is void.")


_all: WeakSet[Breaker] = WeakSet()


def _after_fork() -> None:
    """Reset all breakers in a forked child, which doesn't have the retrying threads."""
    for breaker in _all:
        breaker._made_new()


os.register_at_fork(after_in_child=_after_fork)
