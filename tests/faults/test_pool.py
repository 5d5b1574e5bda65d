"""A pool whose connections others have: whoever finds none is told in time when to come again, and nobody is stuck."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from keystone.accounts.models import User
from keystone.testing.factories import PASSWORD, UserFactory
from tests.faults.held_row import held_row
from tests.measures import Measured
from tests.served.conftest import WIDE
from tests.served.process import until
from tests.served.server import Answer, Server, at_once

pytestmark = pytest.mark.django_db(transaction=True)
SMALL = {"min_size": 1, "max_size": 2, "timeout": 1, "max_waiting": 3}
LARGE = {"min_size": 2, "max_size": 16, "timeout": 5, "max_waiting": 100}
CALLERS = 30  # at once, where the server has 12 threads


@contextmanager
def served(folder: Path, pool: dict[str, Any]) -> Iterator[Server]:
    """One process with such a pool."""
    environment = {**WIDE, "TEST_POOL": json.dumps(pool)}
    application = "tests.served.pooled:application"
    server = Server(folder, application=application, environment=environment, workers=1)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def timed(call: Any) -> tuple[Answer, float]:
    begun = time.monotonic()
    return call(), time.monotonic() - begun


@pytest.mark.parametrize("pool", [SMALL, LARGE], ids=["small", "control_large"])
def test_an_exhausted_pool_refuses_in_time_and_recovers(
    tmp_path: Path, measured: Measured, pool: dict[str, Any]
) -> None:
    ann = UserFactory(email="ann@example.com")
    with served(tmp_path, pool) as server, ThreadPoolExecutor(2) as holders:
        token = server.post("/api/auth/login/", {"email": ann.email, "password": PASSWORD}).json["access"]
        people = [f"person{number}@example.com" for number in range(CALLERS)]

        def register(email: str) -> Answer:
            return server.post(
                "/api/auth/register/", {"email": email, "password": "a good long one", "first_name": "Ann"}
            )

        with held_row(ann) as waiting:
            held = [
                holders.submit(server.request_json, "PATCH", "/api/me/", {"first_name": name}, token)
                for name in ("Anna", "Hannah")
            ]
            until(lambda: waiting() == 2)
            over = threading.Event()
            live: list[tuple[Answer, float]] = []

            def probe() -> None:
                while not over.wait(0.1):
                    live.append(timed(lambda: server.get("/api/health/live/")))

            prober = threading.Thread(target=probe)
            prober.start()
            try:
                lonely, waited = timed(lambda: register("lonely@example.com"))
                answers = at_once([lambda email=email: register(email) for email in people], come_again=False)  # type: ignore[misc]  # binds it
                wanted = 503 if pool is SMALL else 200  # while the two are held; a busy machine may take a moment
                until(lambda: server.get("/api/health/ready/").status == wanted)
            finally:
                over.set()
                prober.join()
        released = time.monotonic()
        assert [future.result().status for future in held] == [200, 200]
        again = [register(email) for email in people]
        recovered = time.monotonic() - released
    refused = [answer for answer in answers if answer.status == 503]
    acknowledged = {email for email, answer in zip(people, answers, strict=True) if answer.status == 202}
    lost = len(acknowledged - set(User.objects.values_list("email", flat=True)))
    measured(
        f"pool of {pool['max_size']} connections, 2 of them held: {CALLERS} requests at once, lost {lost}, "
        f"{len(refused)} refused, one that waited after {waited:.1f} s (limit {pool['timeout']} s), live answered "
        f"within {max(seconds for _, seconds in live):.1f} s; released, all {CALLERS} were done in {recovered:.1f} s"
    )
    assert lost == 0
    assert {answer.status for answer, _ in live} == {200}
    assert {answer.status for answer in again} == {202}
    assert User.objects.filter(email__in=people).count() == CALLERS
    if pool is SMALL:
        assert len(refused) == CALLERS
        assert {(answer.code, answer.headers["retry-after"]) for answer in [*refused, lonely]} == {("unavailable", "5")}
        assert waited >= 1  # its time, and no refusal before
    else:
        assert (len(refused), lonely.status) == (0, 202)
