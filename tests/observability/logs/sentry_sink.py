"""A server that takes what Sentry's client sends."""

import gzip
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.serving import serving


class Sink(ThreadingHTTPServer):
    """Takes what Sentry's client sends."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), SinkHandler)
        self.raw: list[bytes] = []

    @property
    def dsn(self) -> str:
        return f"http://0123456789abcdef0123456789abcdef@127.0.0.1:{self.server_port}/1"

    def items(self, kind: str) -> list[dict[str, Any]]:
        """What arrived of a kind: `event` or `transaction`."""
        found = []
        for envelope in self.raw:
            lines = envelope.split(b"\n")[1:]
            found += [
                json.loads(body)
                for head, body in zip(lines[::2], lines[1::2], strict=False)
                if json.loads(head)["type"] == kind
            ]
        return found

    def wait_for(self, kind: str, count: int) -> list[dict[str, Any]]:
        """Wait until so many have come."""
        for _ in range(300):
            if len(self.items(kind)) >= count:
                break
            time.sleep(0.1)
        return self.items(kind)


class SinkHandler(BaseHTTPRequestHandler):
    """Keeps an envelope."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert isinstance(self.server, Sink)
        self.server.raw.append(gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *args: object) -> None:
        """Nothing: the tests have their own words."""


@contextmanager
def receiving() -> Iterator[Sink]:
    """A sink that answers for the time of the block."""
    with serving(Sink()) as sink:
        yield sink
