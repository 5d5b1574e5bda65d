"""A flood of logins leaves the rest of the API responsive: few hash, few wait, the others are told to come again.

The times are printed and not judged: they are the machine's. The control lets everybody wait, so that
the flood takes every thread of the server.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.conf import settings

from keystone.accounts.models import User
from keystone.testing.factories import PASSWORD, UserFactory
from tests.measures import Measured
from tests.served.hashes import real_hash
from tests.served.server import Server

pytestmark = pytest.mark.django_db(transaction=True)
CALLERS = 60
SECONDS = 5.0
ALONE = 2.0  # seconds; without the flood a few answers tell enough
BEFORE = 1.0  # seconds in which the flood swells


def start(serve: Callable[..., Server], **environment: str) -> Server:
    """The application with its real password hash and production's connections, behind a proxy."""
    application = "tests.served.pooled:application"
    return serve(application, TEST_PASSWORD_HASHER="real", TRUSTED_PROXIES="1", **environment)


@contextmanager
def flood(server: Server) -> Iterator[list[tuple[int, str, str | None, int]]]:
    """Many guess at logins, a little longer than the block lasts. Afterwards: status, code, Retry-After, how often."""
    arguments = [str(server.port), str(CALLERS), str(BEFORE + SECONDS)]
    command = [sys.executable, "-m", "tests.served.flood", *arguments]
    answers: list[tuple[int, str, str | None, int]] = []
    with subprocess.Popen(command, cwd=settings.BASE_DIR, stdout=subprocess.PIPE) as process:
        time.sleep(BEFORE)
        yield answers
        output, _ = process.communicate(timeout=60)
        answers += [tuple(answer) for answer in json.loads(output)]
    assert process.returncode == 0


def look_at_me(server: Server, token: str, *, seconds: float) -> list[float]:
    """The milliseconds that each `me/` took of one client that asks again and again; each is answered."""
    times = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        started = time.perf_counter()
        answer = server.get("/api/me/", {"Authorization": f"Bearer {token}"})
        times.append((time.perf_counter() - started) * 1000)
        assert answer.status == 200, answer.text
        time.sleep(0.02)
    return times


def measure(server: Server, measured: Measured, name: str) -> list[tuple[int, str, str | None, int]]:
    """Look at `me/` alone and under the flood, keep both figures, and give what the flood was answered."""
    user = UserFactory()
    User.objects.filter(pk=user.pk).update(password=real_hash())
    token = server.post("/api/auth/login/", {"email": user.email, "password": PASSWORD}).json["access"]
    alone = look_at_me(server, token, seconds=ALONE)
    with flood(server) as answers:
        under = look_at_me(server, token, seconds=SECONDS)
    counted = ", ".join(f"{count} x {status}" for status, _code, _retry_after, count in answers)
    quiet, loud = statistics.median(alone), statistics.median(under)
    slow, slower = (statistics.quantiles(times, n=20, method="inclusive")[-1] for times in (alone, under))
    measured(
        f"login flood, {name}: me/ median {quiet:.0f} ms alone, {loud:.0f} ms under it (x {loud / quiet:.1f}); "
        f"95th percentile {slow:.0f} ms, {slower:.0f} ms (x {slower / slow:.1f}); logins answered: {counted}"
    )
    return answers


def test_a_flood_of_logins_leaves_me_responsive(serve: Callable[..., Server], measured: Measured) -> None:
    answers = measure(start(serve), measured, "hashing capped")
    told = {(status, code, retry_after) for status, code, retry_after, _ in answers}
    assert told == {(401, "invalid_credentials", None), (503, "busy", "1")}


def test_control_where_everybody_waits_the_flood_takes_every_thread(
    serve: Callable[..., Server], measured: Measured
) -> None:
    answers = measure(start(serve, PASSWORD_HASHING_WAITING="1000000"), measured, "everybody waits")
    assert (401, "invalid_credentials", None) in [answer[:3] for answer in answers]
