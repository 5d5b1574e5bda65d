"""A flood of logins, in a process of its own so that it does not slow down the client that measures.

`python -m tests.served.flood PORT CALLERS SECONDS` guesses with so many callers at once, each time at another
address from another IP, and prints how often each answer came, as JSON: `[[status, code, Retry-After, times], …]`.
"""

import asyncio
import itertools
import json
import sys
import time
from collections import Counter
from http.client import parse_headers
from io import BytesIO

numbers = itertools.count()


async def guess(port: int) -> tuple[int, str, str | None]:
    """One login on a connection of its own, said to come through a proxy: status, code and Retry-After."""
    number = next(numbers)
    body = json.dumps({"email": f"nobody{number}@example.com", "password": "a guess"})
    lines = [
        "POST /api/auth/login/ HTTP/1.1",
        "Host: localhost",
        "Connection: close",
        "Content-Type: application/json",
        f"X-Forwarded-For: 10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
        f"Content-Length: {len(body)}",
    ]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write("\r\n".join([*lines, "", body]).encode())
    answer = BytesIO(await reader.read())
    writer.close()
    status = int(answer.readline().split()[1])
    headers = parse_headers(answer)
    return status, json.loads(answer.read())["error"]["code"], headers["Retry-After"]


async def flood(port: int, callers: int, seconds: float) -> Counter[tuple[int, str, str | None]]:
    """Guess until the time is over; nobody waits before the next guess."""
    counts: Counter[tuple[int, str, str | None]] = Counter()
    end = time.monotonic() + seconds

    async def caller() -> None:
        while time.monotonic() < end:
            counts[await guess(port)] += 1

    await asyncio.gather(*(caller() for _ in range(callers)))
    return counts


if __name__ == "__main__":
    found = asyncio.run(flood(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
    print(json.dumps([[*answer, times] for answer, times in found.items()]))
