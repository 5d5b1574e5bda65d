"""A load balancer of the tests': it asks who is ready, sends each request to the next one, and passes over the gone."""

import itertools
import threading
from collections.abc import Callable
from typing import Any, Self

from tests.served.process import until
from tests.served.server import Answer, Server

INTERVAL = 0.2  # seconds between two questions
PATIENCE = 3  # answers in a row that a server is not ready, before it gets nothing; Kubernetes' failureThreshold


class Balancer:
    """Stands before several servers for the time of the block.

    Attributes:
        answered_by: how many requests each has answered, by its port.
    """

    def __init__(self, *servers: Server) -> None:
        self.answered_by: dict[int, int] = dict.fromkeys((server.port for server in servers), 0)
        self.servers = servers
        self._is_ready = dict.fromkeys(servers, False)
        self._taken_out: set[Server] = set()
        self._turns = itertools.count()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(server,)) for server in servers]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        until(self._used)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, server: Server) -> None:
        failed = 0
        while not self._over.wait(INTERVAL):
            failed = 0 if is_ready(server) else failed + 1
            if failed in {0, PATIENCE}:
                self._is_ready[server] = not failed

    def _used(self) -> list[Server]:
        return [server for server in self.servers if self._is_ready[server] and server not in self._taken_out]

    def is_used(self, server: Server) -> bool:
        """Whether requests are sent to it."""
        return server in self._used()

    def take_out(self, server: Server) -> None:
        """Send no more requests to it; those that it has go on."""
        self._taken_out.add(server)

    def post(self, path: str, body: dict[str, Any]) -> Answer:
        """POST JSON."""
        return self._send(lambda server: server.post(path, body))

    def _send(self, request: Callable[[Server], Answer]) -> Answer:
        """Ask the one whose turn it is; where nobody listens, the next one. What was sent once is not sent again."""
        turn, ready = next(self._turns), self._used()
        for number in range(len(ready)):
            server = ready[(turn + number) % len(ready)]
            try:
                answer = request(server)
            except ConnectionRefusedError:
                continue
            self.answered_by[server.port] += 1
            return answer
        raise ConnectionRefusedError("nobody is ready")


def is_ready(server: Server) -> bool:
    """What it says of itself."""
    try:
        return server.get("/api/health/ready/").status == 200
    except OSError:
        return False
