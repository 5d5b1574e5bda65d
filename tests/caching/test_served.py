"""How much slower the served application is while Redis is down or hangs: measured, with several requests at once."""

import time
from collections.abc import Callable

import pytest

from keystone.testing.factories import PASSWORD, superuser
from tests.caching.redis_server import RedisServer
from tests.measures import Measured
from tests.served.conftest import Serve
from tests.served.server import Answer, Browser, at_once

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]
PARALLEL = 6


def longest(browser: Browser) -> float:
    """The longest of several requests for the dashboard at once, in milliseconds; each must be answered."""
    took: list[float] = []

    def ask() -> Answer:
        begun = time.perf_counter()
        answer = browser.send("GET", "/admin/")
        took.append((time.perf_counter() - begun) * 1000)
        assert answer.status == 200
        return answer

    at_once([ask] * PARALLEL)
    return max(took)


def test_the_dashboard_is_slower_once_and_right_without_redis(
    serve: Serve, redis_server: RedisServer, measured: Measured
) -> None:
    server = serve(CACHE_ENABLED="true", REDIS_URL=redis_server.url)
    browser = server.browser().sign_in(superuser().email, PASSWORD)
    longest(browser)
    usual = sorted(longest(browser) for _ in range(5))[2]
    faults: list[tuple[str, Callable[[], None], Callable[[], None]]] = [
        ("hangs", redis_server.hang, redis_server.go_on),
        ("is down", redis_server.kill, redis_server.start),
    ]
    for name, begin, end in faults:
        begin()
        first, then = longest(browser), sorted(longest(browser) for _ in range(5))[2]
        server.post("/api/auth/register/", {"email": f"{name[:2]}@example.com", "password": "correct horse 9"})
        end()
        time.sleep(2)  # for each process to notice
        measured(
            f"Redis {name}: of {PARALLEL} requests at once for the dashboard the longest took {first:.0f} ms, "
            f"then {then:.0f} ms; {usual:.0f} ms with Redis"
        )
    assert "does not answer" in server.log.read_text()
