"""A small breach service for tests: it keeps what it is asked, and answers or misbehaves as it is told to."""

import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

from tests.serving import serving

type Conduct = Callable[["BreachService", "Any"], None]


class BreachService(socketserver.ThreadingTCPServer):
    """Listens on a free port of the loopback interface.

    Attributes:
        requests: the head of each request, as it came.
        conduct: what is done after a request came in; it is given the service and a function that sends bytes.
        over: set when the service is stopped, so that a conduct that hangs can end.
    """

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, conduct: Conduct) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.requests: list[str] = []
        self.conduct = conduct
        self.over = threading.Event()

    @property
    def endpoint(self) -> str:
        """The address of the range query."""
        return f"http://127.0.0.1:{self.server_address[1]}/range"

    @classmethod
    @contextmanager
    def running(cls, conduct: Conduct) -> Iterator[Self]:
        """Serve for the time of the block."""
        with serving(cls(conduct)) as service:
            try:
                yield service
            finally:
                service.over.set()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """The other side hung up, as it may."""


class _Conversation(socketserver.StreamRequestHandler):
    server: BreachService

    def handle(self) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self.rfile.readline()
            if not line:
                return
            head += line
        self.server.requests.append(head.decode())
        self.server.conduct(self.server, self.wfile.write)


# -- Conducts ----------------------------------------------------------------------------------------------------
def answering(body: str, *, status: str = "200 OK", headers: str = "") -> Conduct:
    """A whole answer, after which the connection ends."""

    def conduct(service: BreachService, send: Any) -> None:
        text = body.encode()
        send(f"HTTP/1.1 {status}\r\nContent-Length: {len(text)}\r\nConnection: close\r\n{headers}\r\n".encode() + text)

    return conduct


def sending(content: bytes) -> Conduct:
    """Bytes, after which the connection ends."""

    def conduct(service: BreachService, send: Any) -> None:
        send(content)

    return conduct


def hanging(service: BreachService, send: Any) -> None:
    """Nothing at all."""
    service.over.wait(30)


def trickling(beginning: bytes) -> Conduct:
    """A beginning, then a byte every 50 ms: no single read takes long."""

    def conduct(service: BreachService, send: Any) -> None:
        send(beginning)
        while not service.over.wait(0.05):
            send(b"A")

    return conduct


def endless(service: BreachService, send: Any) -> None:
    """Lines without an end, as fast as they are taken."""
    send(b"HTTP/1.1 200 OK\r\n\r\n")
    started = time.monotonic()
    while not service.over.is_set() and time.monotonic() - started < 30:
        send(b"0018A45C4D1DEF81644B54AB7F969B88D65:1\r\n" * 1_000)
