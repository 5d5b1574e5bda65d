"""What is looked up for whoever asks: by one thread at a time, kept for a moment, and waited for no longer than so."""

import logging
import threading
import time
from collections.abc import Callable

from django.db import connections

from keystone.text.one_line import in_one_line

logger = logging.getLogger(__name__)


class Kept[T]:
    """The newest result of a look at something that may be slow, or hang.

    However many ask, one thread looks, and the next look begins when the last one is over and its result is old. Where
    it hangs nobody waits twice: those who ask later are told at once that there is no answer.

    Args:
        look: is called in a thread of its own, whose database connections are given back after it.
        keep: (seconds) for how long its result is given to whoever asks.
        wait: (seconds) how long to wait for a look, from when it began.
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
        """The result; None where there was none in time, or the look failed."""
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
        """Look again the next time, however new the result is."""
        with self._lock:
            self._fresh_until = float("-inf")

    def _run(self, ended: threading.Event) -> None:
        result = None
        try:
            try:
                result = self._look()
            finally:
                connections.close_all()
        except Exception as error:  # noqa: BLE001 - whatever it is, whoever waits is told that there is no answer
            logger.warning("monitoring could not look: %s: %s", type(error).__name__, in_one_line(error))
        finally:
            with self._lock:
                self._result = result
                self._is_looking = False
                self._fresh_until = time.monotonic() + self._keep
            ended.set()
