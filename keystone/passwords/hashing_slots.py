"""Limit concurrent password hashes, with a bounded queue, so that a flood of logins does not block other requests."""

import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from keystone.conf import options
from keystone.exceptions import Refusal

LONGEST_WAIT = 4.0  # seconds; a burst of fifty on two slow cores is served in less


class HashingBusy(Refusal):
    """Too many passwords are being hashed. Nothing was checked, and the same call may succeed soon."""

    code = "busy"
    status: ClassVar[int] = 503
    message: ClassVar[str | Promise] = _("Too many people are signing in at this moment. Try again in a moment.")
    retry_after = 1


class _Reserved(threading.local):
    by_this_thread = False


class HashingSlots:
    """Slots for password hashes, given out in the order of requests.

    A hash deliberately takes about 20 ms of a core and 19 MiB. Without a limit, a flood of logins would occupy every
    thread of the server and leave none for users who are signed in (OWASP ASVS 5.0, 15.2.2). A burst of sign-ins waits
    its turn for up to `LONGEST_WAIT`. The number of those who wait is limited as well, because each occupies a thread.

    The limits are read from the options each time, so that they follow changes of the settings.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = 0
        self._queue: deque[threading.Event] = deque()
        self._reserved = _Reserved()

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold a slot for the duration of the block: the one that this thread has reserved, or a new one.

        Raises:
            HashingBusy: the queue is full, or no slot became free within `LONGEST_WAIT`.
        """
        if self._reserved.by_this_thread:
            yield
            return
        self._take()
        try:
            yield
        finally:
            self._give_back()

    @contextmanager
    def reserved_slot(self) -> Iterator[None]:
        """Hold a slot for the block's queries and its hashes.

        A caller who has to wait does so before the first query, without a connection of the pool. One who is refused
        has cost no query and is not counted as an attempt.

        Raises:
            HashingBusy: as `slot`.
        """
        with self.slot():
            before = self._reserved.by_this_thread
            self._reserved.by_this_thread = True
            try:
                yield
            finally:
                self._reserved.by_this_thread = before

    def refuse_when_full(self) -> None:
        """Refuse early if hashing would be refused anyway, before queries are made and an attempt is counted.

        This reserves nothing: if another caller takes the last place before the hash, the hash itself is refused.

        Raises:
            HashingBusy: the queue is full.
        """
        with self._lock:
            if not self._has_slot and not self._has_place:
                raise HashingBusy

    @property
    def waiting(self) -> int:
        """The number of callers that wait for a slot."""
        return len(self._queue)

    def _take(self) -> None:
        with self._lock:
            if self._has_slot:
                self._taken += 1
                return
            if not self._has_place:
                raise HashingBusy
            turn = threading.Event()
            self._queue.append(turn)
        try:
            turn.wait(LONGEST_WAIT)
        finally:
            with self._lock:
                in_vain = turn in self._queue
                if in_vain:
                    self._queue.remove(turn)
        if in_vain:
            raise HashingBusy

    @property
    def _has_slot(self) -> bool:
        return self._taken < options().password_hashing_parallel and not self._queue

    @property
    def _has_place(self) -> bool:
        return len(self._queue) < options().password_hashing_waiting

    def _give_back(self) -> None:
        """Free a slot and pass it to the caller that has waited longest, so that nobody can overtake."""
        with self._lock:
            self._taken -= 1
            while self._queue and self._taken < options().password_hashing_parallel:
                self._taken += 1
                self._queue.popleft().set()


_slots = HashingSlots()


def hashing_slots() -> HashingSlots:
    """Return the slots of this process."""
    return _slots


def _start_anew() -> None:
    """Reset the slots in a forked process, which has none of the threads that hold the slots or the lock."""
    global _slots  # noqa: PLW0603 - one per process
    _slots = HashingSlots()


os.register_at_fork(after_in_child=_start_anew)
