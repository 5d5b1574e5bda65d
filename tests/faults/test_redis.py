"""Redis hung and down: what is cached, and who signs in, is answered all the same, and soon."""

import time
from collections.abc import Callable
from statistics import median

import pytest

from keystone.testing.factories import PASSWORD, superuser
from tests.caching.redis_server import RedisServer
from tests.measures import Measured
from tests.served.conftest import WIDE, Serve
from tests.served.server import Answer, at_once

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 5


def test_without_redis_everything_is_answered(serve: Serve, redis_server: RedisServer, measured: Measured) -> None:
    server = serve(CACHE_ENABLED="true", REDIS_URL=redis_server.url, **WIDE)
    email = superuser().email
    browser = server.browser().sign_in(email, PASSWORD)
    credentials = {"email": email, "password": PASSWORD}
    calls: list[Callable[[], Answer]] = [
        lambda: server.get("/api/schema/"),
        lambda: browser.send("GET", "/admin/"),
        lambda: server.post("/api/auth/login/", credentials),
        lambda: server.post("/api/auth/login/", {**credentials, "password": "a guess"}),
    ]
    expected = [200, 200, 200, 401]
    failed = 0

    def rounds() -> list[float]:
        """How long each round of all calls at once took."""
        nonlocal failed
        took = []
        for _ in range(ROUNDS):
            begun = time.monotonic()
            answers = at_once(calls)
            took.append(time.monotonic() - begun)
            failed += sum(answer.status != status for answer, status in zip(answers, expected, strict=True))
        return took

    rounds()  # everything is loaded
    usual = rounds()
    for name, begin, end in (
        ("hung", redis_server.hang, redis_server.go_on),
        ("down", redis_server.kill, redis_server.start),
    ):
        begin()
        without = rounds()
        end()
        recovered = rounds()
        measured(
            f"Redis {name}: {4 * ROUNDS} requests for the schema, the dashboard and logins, {failed} failed; four at "
            f"once took {median(usual) * 1000:.0f} ms with it, {without[0] * 1000:.0f} ms when it went, then "
            f"{median(without[1:]) * 1000:.0f} ms, and {median(recovered) * 1000:.0f} ms after its return"
        )
        assert failed == 0
