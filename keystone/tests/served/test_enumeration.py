"""Promise 1: nobody can learn whether an address has an account, by what is answered or by how long it takes.

Each call is made 200 times for known and unknown addresses in turn, with the real password hash and the tasks in
the queue, with a worker beside the server, as in production. What is answered is asserted; the times are printed,
because a machine that runs tests is no fair judge of them. The promise is a gap of the medians under 10 %.
"""

import statistics
import time
from collections.abc import Callable

import pytest
from procrastinate.contrib.django.models import ProcrastinateJob

from keystone.accounts.models import User
from keystone.accounts.status import Status
from keystone.tests.factories import UserFactory
from keystone.tests.measures import Measured
from keystone.tests.served.conftest import WIDE, Manage, Serve
from keystone.tests.served.hashes import real_hash
from keystone.tests.served.process import until
from keystone.tests.served.server import Answer, Server

pytestmark = pytest.mark.django_db(transaction=True)
CALLS = 200
PAUSE = 0.02  # seconds
PRODUCTION = {"TEST_PASSWORD_HASHER": "real", "TEST_TASKS": "queue", **WIDE}
Call = Callable[[Server, str], Answer]


def register(server: Server, email: str) -> Answer:
    return server.post("/api/auth/register/", {"email": email, "password": "a good long one", "first_name": "Ann"})


def login(server: Server, email: str) -> Answer:
    return server.post("/api/auth/login/", {"email": email, "password": "wrong password"})


def reset(server: Server, email: str) -> Answer:
    return server.post("/api/auth/password/reset/", {"email": email})


def resend(server: Server, email: str) -> Answer:
    return server.post("/api/auth/verify-email/resend/", {"email": email})


def names(answer: Answer) -> set[str]:
    return set(answer.headers)


def is_idle() -> bool:
    """Whether no task waits or runs."""
    return not ProcrastinateJob.objects.filter(status__in=["todo", "doing"]).exists()


@pytest.mark.parametrize("call", [register, login, reset, resend])
def test_known_and_unknown_addresses_are_answered_alike(
    serve: Serve, manage: Manage, call: Call, measured: Measured
) -> None:
    server = serve("keystone.tests.served.pooled:application", **PRODUCTION)
    worker = manage("worker", mail_folder=server.mail_folder)
    for number in range(CALLS):
        status = Status.ACTIVE if number % 4 < 2 else Status.PENDING_EMAIL_VERIFICATION
        UserFactory(email=f"known{number}@example.com", status=status)
    User.objects.update(password=real_hash())
    times: dict[str, list[float]] = {"known": [], "unknown": []}
    call(server, "warm@example.com")
    for number in range(CALLS):
        answers = {}
        for kind in ("known", "unknown") if number % 2 else ("unknown", "known"):
            begun = time.perf_counter()
            answers[kind] = call(server, f"{kind}{number}@example.com")
            times[kind].append(time.perf_counter() - begun)
            # The worker shares these cores: the mail that one call caused must not slow the next ones down.
            until(is_idle, alive=worker)
            time.sleep(PAUSE)
        first, second = answers["known"], answers["unknown"]
        assert (first.status, first.without_id, names(first)) == (second.status, second.without_id, names(second))
    medians = {kind: statistics.median(values) * 1000 for kind, values in times.items()}
    gap = abs(medians["known"] - medians["unknown"]) / max(medians.values())
    measured(
        f"promise 1, {call.__name__}: known {medians['known']:.1f} ms, unknown {medians['unknown']:.1f} ms, "
        f"gap {gap:.1%} over {CALLS} calls each"
    )
    # What was asked for has been done, by the worker.
    until(is_idle, alive=worker)
    assert not ProcrastinateJob.objects.exclude(status="succeeded").exists()
