"""A collector of OpenTelemetry's: takes what is sent by OTLP over HTTP, and keeps it."""

from collections.abc import Iterator
from dataclasses import dataclass
from gzip import decompress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Sent:
    """A span as it arrived."""

    name: str
    service: str
    kind: int
    key: bytes
    parent: bytes
    attributes: dict[str, str]
    is_failed: bool


class Collector(ThreadingHTTPServer):
    """Listens on loopback."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: list[bytes] = []

    @property
    def url(self) -> str:
        """What the variable is set to."""
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def raw(self) -> bytes:
        """All that has arrived."""
        return b"\n".join(self.bodies)

    def spans(self) -> list[Sent]:
        """The spans that have arrived."""
        return [span for body in list(self.bodies) for span in _read(body)]


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = decompress(body)
        if self.path == "/v1/traces":
            self.server.bodies.append(body)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its signature
        """Say nothing."""


def _read(body: bytes) -> Iterator[Sent]:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    request = ExportTraceServiceRequest()
    request.ParseFromString(body)
    for group in request.resource_spans:
        service = _texts(group.resource.attributes).get("service.name", "")
        for scope in group.scope_spans:
            for span in scope.spans:
                attributes = _texts(span.attributes)
                failed = span.status.code == 2
                yield Sent(span.name, service, span.kind, span.span_id, span.parent_span_id, attributes, failed)


def _texts(attributes: Any) -> dict[str, str]:
    return {pair.key: pair.value.string_value or str(pair.value.int_value) for pair in attributes}
