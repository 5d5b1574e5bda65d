"""People who register, one after the other, while something breaks."""

import threading
import time
from collections import Counter
from http.client import HTTPException
from typing import Any, Protocol, Self

from tests.served.server import Answer

PAUSE = 0.1  # seconds between two registrations of one client


class Posts(Protocol):
    """A server, or what stands before several."""

    def post(self, path: str, body: dict[str, Any]) -> Answer:
        """POST JSON."""


class Registrations:
    """Clients that register one person after another, for the time of the block.

    Attributes:
        acknowledged: who was answered with 202.
        answers: how often each status was answered; 0 where there was none.
        failed_at: when there was another answer, or none (seconds of the monotonic clock).
        hasty: what was refused without a word of when to come again.
        slowest: seconds until the slowest answer.
    """

    def __init__(self, server: Posts, *, prefix: str = "person", clients: int = 1, pause: float = PAUSE) -> None:
        self.server = server
        self.prefix = prefix
        self.pause = pause
        self.acknowledged: list[str] = []
        self.answers: Counter[int] = Counter()
        self.failed_at: list[float] = []
        self.hasty: list[str] = []
        self.slowest = 0.0
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(client,)) for client in range(clients)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _run(self, client: int) -> None:
        number = 0
        while not self._over.wait(self.pause):
            number += 1
            email = f"{self.prefix}{client}n{number}@example.com"
            body = {"email": email, "password": "a long enough password", "first_name": "Ann"}
            begun = time.monotonic()
            try:
                answer = self.server.post("/api/auth/register/", body)
            except (OSError, HTTPException):
                status = 0
            else:
                status = answer.status
                if status >= 400 and "retry-after" not in answer.headers:
                    self.hasty.append(answer.text)
            self.slowest = max(self.slowest, time.monotonic() - begun)
            self.answers[status] += 1
            if status == 202:
                self.acknowledged.append(email)
            else:
                self.failed_at.append(time.monotonic())
