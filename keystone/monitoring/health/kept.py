"""Cached results of slow lookups: made by one thread at a time, with a limited wait."""

import logging
import threading
import time
from collections.abc import Callable

from django.db import connections

from keystone.text.one_line import in_one_line

logger = logging.getLogger(__name__)


class Kept[T]:
    """The latest result of a lookup that may be slow or hang.

    A single thread makes the lookup, regardless of the number of callers. The next lookup begins when the last one has
    ended and its result has expired. If a lookup hangs, later callers get None at once.

    Args:
        look: the function that makes the lookup. It runs in a thread whose database connections are closed afterwards.
        keep: how long its result is used, in seconds.
        wait: how long to wait for a lookup, in seconds from its start.
    """

    def __init__(self, look: Callable[[], T], *, keep: float, wait: float) -> None:
        self._look = look
        self._keep = keep
        self._wait = wait
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._began_at = 0.0
        self._fresh_until = float("-inf")
        self._is_looking = False
        self._result: T | None = None

    def get(self) -> T | None:
        """Return the result; None if there was none in time, or the lookup failed."""
        with self._lock:
            if time.monotonic() < self._fresh_until:
                return self._result
            if not self._is_looking:
                ended = threading.Event()
                threading.Thread(target=self._run, args=(ended,), name="monitoring", daemon=True).start()
                self._is_looking, self._began_at, self._ended = True, time.monotonic(), ended
            ended, left = self._ended, self._began_at + self._wait - time.monotonic()
        return self._result if ended.wait(max(left, 0)) else None

    def forget(self) -> None:
        """Expire the result, so that the next call makes a new lookup."""
        with self._lock:
            self._fresh_until = float("-inf")

    def _run(self, ended: threading.Event) -> None:
        result = None
        try:
            try:
                result = self._look()
            finally:
                connections.close_all()
        except Exception as error:  # noqa: BLE001 - after any error, callers get None
            logger.warning("monitoring could not look: %s: %s", type(error).__name__, in_one_line(error))
        finally:
            with self._lock:
                self._result = result
                self._is_looking = False
                self._fresh_until = time.monotonic() + self._keep
            ended.set()
