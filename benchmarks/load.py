"""A load generator: a fixed number of connections, each of which sends its next request when it has the last answer."""

import asyncio
import itertools
import math
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Sample:
    """The answers of one round.

    Attributes:
        seconds: how long each answer took, sorted.
        elapsed: the time of the round in seconds.
        unexpected: the number of answers with another status than the expected one.
    """

    seconds: list[float] = field(default_factory=list)
    elapsed: float = 0.0
    unexpected: int = 0

    @property
    def rate(self) -> float:
        """The number of expected answers a second."""
        return (len(self.seconds) - self.unexpected) / self.elapsed

    def percentile(self, percent: float) -> float:
        """Return a percentile of the times of the answers, in seconds; NaN if there was none."""
        if not self.seconds:
            return math.nan
        return self.seconds[min(len(self.seconds) - 1, int(len(self.seconds) * percent / 100))]


def request(
    method: str, path: str, *, host: str = "localhost", headers: dict[str, str] | None = None, body: bytes = b""
) -> bytes:
    """Return an HTTP/1.1 request."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body or method != "GET":
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def measure(port: int, requests: Iterator[bytes], *, connections: int, seconds: float, expected: int = 200) -> Sample:
    """Send requests to a port of this machine for some seconds.

    Args:
        requests: the requests, of which each connection takes the next one. The round ends early with the last one. A
            method `answered` is called with the body of each answer.
        expected: the HTTP status of the answers.
    """
    return asyncio.run(_measure(port, requests, connections=connections, seconds=seconds, expected=expected))


def ask(port: int, content: bytes) -> tuple[int, bytes]:
    """Send one request, and return the status and the body of the answer."""
    return asyncio.run(_ask(port, content))


async def _ask(port: int, content: bytes) -> tuple[int, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        return await _exchange(reader, writer, content)
    finally:
        writer.close()


async def _measure(port: int, requests: Iterator[bytes], *, connections: int, seconds: float, expected: int) -> Sample:
    answered = getattr(requests, "answered", lambda _body: None)
    sample, start = Sample(), time.perf_counter()
    end = start + seconds

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            while (sent := time.perf_counter()) < end and (content := next(requests, None)) is not None:
                status, body = await _exchange(reader, writer, content)
                sample.seconds.append(time.perf_counter() - sent)
                sample.unexpected += status != expected
                answered(body)
        finally:
            writer.close()

    await asyncio.gather(*(connection() for _number in range(connections)))
    sample.elapsed = time.perf_counter() - start
    sample.seconds.sort()
    return sample


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, content: bytes) -> tuple[int, bytes]:
    writer.write(content)
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    status = int(head[9:12])
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head.split("\r\n")[1:])
    }
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return status, await _chunks(reader)
    return status, await reader.readexactly(int(headers.get("content-length", 0)))


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return body


@dataclass
class Figures:
    """What was measured of one contender at one kind of work, a value for each round."""

    samples: list[Sample] = field(default_factory=list)
    application: list[float] = field(default_factory=list)  # CPU seconds
    database: list[float] = field(default_factory=list)  # CPU seconds

    @property
    def rates(self) -> list[float]:
        """The rates, in answers a second."""
        return [sample.rate for sample in self.samples]

    def line(self, beside: "Figures | None") -> str:
        """Return the figures as a row of the table.

        Args:
            beside: the contender that the ratio refers to; the ratio is the median of those of each round.
        """
        answers = max(sum(len(sample.seconds) for sample in self.samples), 1)
        times = Sample(sorted(itertools.chain.from_iterable(sample.seconds for sample in self.samples)))
        ratio = (
            statistics.median(mine / max(theirs, 1e-9) for mine, theirs in zip(self.rates, beside.rates, strict=True))
            if beside
            else math.nan
        )
        cells = [
            f"{statistics.median(self.rates):,.1f}",
            f"{min(self.rates):,.1f} to {max(self.rates):,.1f}",
            f"{ratio:.2f}",
            f"{times.percentile(50) * 1000:.1f}",
            f"{times.percentile(99) * 1000:.1f}",
            f"{sum(self.application) / answers * 1000:.2f}",
            f"{sum(self.database) / answers * 1000:.2f}",
            str(sum(sample.unexpected for sample in self.samples)),
        ]
        return " | ".join(cells)


HEADER = "answers/s | minimum to maximum | ratio | p50 ms | p99 ms | application ms | PostgreSQL ms | unexpected"
