"""A limit on concurrent password hashes, and a bounded queue for it, so that a login flood leaves room for the rest."""

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

PATIENCE = 5.0  # seconds; a client that waited longer has mostly given up


class HashingBusy(Refusal):
    """Too many passwords are being hashed already; nothing was looked at, and the same call may succeed soon."""

    code = "busy"
    status: ClassVar[int] = 503
    message: ClassVar[str | Promise] = _("Too many people are signing in at this moment. Try again in a moment.")
    retry_after = 1


class HashingSlots:
    """Slots that are given in the order of asking.

    A hash costs a core for some 20 ms and 19 MiB, by intent. Without a limit every thread of the server would be busy
    with it under a flood of logins, and none left for people who are signed in (OWASP ASVS 5.0, 15.2.2).

    The limits are read from the options each time, so that they follow a change of the settings.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = 0
        self._queue: deque[threading.Event] = deque()

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold a slot, from where the block begins until it ends, however it ends.

        Raises:
            HashingBusy: as many wait already as may, or no slot came free within `PATIENCE`.
        """
        self._take()
        try:
            yield
        finally:
            self._give_back()

    def refuse_when_full(self) -> None:
        """Refuse early what could not be hashed anyway: it then costs no query, and counts as no attempt.

        It reserves nothing: somebody may take the last place before the hash, which then refuses by itself.

        Raises:
            HashingBusy: as many wait already as may.
        """
        with self._lock:
            if not self._has_slot and not self._has_place:
                raise HashingBusy

    @property
    def waiting(self) -> int:
        """How many callers wait for a slot."""
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
            turn.wait(PATIENCE)
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
        """Free a slot, and pass it on to whoever waits longest: who comes now cannot overtake."""
        with self._lock:
            self._taken -= 1
            while self._queue and self._taken < options().password_hashing_parallel:
                self._taken += 1
                self._queue.popleft().set()


_slots = HashingSlots()


def hashing_slots() -> HashingSlots:
    """Those of this process."""
    return _slots


def _start_anew() -> None:
    """A forked process has none of the threads that hold the slots or the lock."""
    global _slots  # noqa: PLW0603 - one per process, and this is where a process begins
    _slots = HashingSlots()


os.register_at_fork(after_in_child=_start_anew)
