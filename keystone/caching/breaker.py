"""The circuit breaker: after the first failure nobody waits for Redis."""

import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from weakref import WeakSet

from keystone.text.one_line import in_one_line

logger = logging.getLogger(__name__)
PAUSE = 1.0  # seconds between two tries to reach it again


class Breaker:
    """Of one cache, for all threads of a process. Open, it stands for "do not ask, it does not answer".

    Whoever fails opens it. A thread of its own then tries again until that succeeds, so that no request ever waits for
    a try. What it tries is to write `mend`, which makes everything void that was kept until then: while nobody could
    reach the cache, nobody could tell it what changed either.

    Args:
        mend: reaches the cache and makes void what it holds, or raises.
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
        """Something could not be read, or, what is worse, not be written. Never raises."""
        with self._lock:
            self._failures += 1
            if self.is_open:
                return
            self.is_open = True
        logger.warning("The cache does not answer, and is left alone until it does: %s", in_one_line(error))
        with suppress(RuntimeError):  # the process is about to end
            threading.Thread(target=self._try_again, name="cache-breaker", daemon=True).start()

    def _try_again(self) -> None:
        while True:
            time.sleep(PAUSE)
            before = self._failures
            try:
                self._mend()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next try comes
                logger.debug("The cache does not answer yet: %s", in_one_line(error))
                continue
            with self._lock:
                # A write that failed while this one was under way may be newer than it.
                if before == self._failures:
                    self.is_open = False
                    break
        logger.info("The cache answers again. What it kept from before is void.")


_all: WeakSet[Breaker] = WeakSet()


def _after_fork() -> None:
    """A child has no thread that would try again."""
    for breaker in _all:
        breaker._made_new()


os.register_at_fork(after_in_child=_after_fork)
