"""Promise 1: nobody can learn whether an address has an account, by what is answered or by how long it takes.

Each call is made 40 times for known and unknown addresses in turn, with the real password hash and the tasks in
the queue, with a worker beside the server, as in production. What is answered is asserted; the times are printed,
because a machine that runs tests is no fair judge of them. The promise is a gap of the medians under 10 %.
"""

import http.client
import json
import os
import statistics
import time
from collections.abc import Callable
from io import BytesIO
from zipfile import ZipFile

import pytest
from procrastinate.contrib.django.models import ProcrastinateJob

from keystone.accounts import tokens
from keystone.accounts.models import User
from keystone.accounts.status import Status
from keystone.accounts.tokens import Purpose
from keystone.conf import options
from keystone.testing.factories import PASSWORD, UserFactory
from tests.measures import Measured
from tests.served.conftest import WIDE, Manage, Serve
from tests.served.hashes import real_hash
from tests.served.process import until
from tests.served.server import Answer, Server

pytestmark = pytest.mark.django_db(transaction=True)
CALLS = int(os.environ.get("TIMED_CALLS", "40"))
PAUSE = 0.02  # seconds
PRODUCTION = {"TEST_PASSWORD_HASHER": "real", "TEST_TASKS": "queue", **WIDE}
Call = Callable[[Server, str, str], Answer]


def register(server: Server, email: str, _token: str) -> Answer:
    return server.post("/api/auth/register/", {"email": email, "password": "a good long one", "first_name": "Ann"})


def login(server: Server, email: str, _token: str) -> Answer:
    return server.post("/api/auth/login/", {"email": email, "password": "wrong password"})


def reset(server: Server, email: str, _token: str) -> Answer:
    return server.post("/api/auth/password/reset/", {"email": email})


def resend(server: Server, email: str, _token: str) -> Answer:
    return server.post("/api/auth/verify-email/resend/", {"email": email})


def change(server: Server, email: str, token: str) -> Answer:
    return server.post("/api/me/email/", {"email": email, "current_password": PASSWORD}, token)


def readable(server: Server, token: str) -> dict[str, list[dict[str, str]]]:
    """What somebody reads in their export about mails and links, without times."""
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    client.request("POST", "/api/me/export/", json.dumps({"current_password": PASSWORD}), headers)
    with ZipFile(BytesIO(client.getresponse().read())) as archive:
        held = {part: json.loads(archive.read(f"{part}.json")) for part in ("mails", "links", "history")}
    client.close()
    times = ("created_at", "expires_at", "at")
    return {part: [{key: row[key] for key in row if key not in times} for row in rows] for part, rows in held.items()}


def hold(emails: list[str]) -> None:
    """Let somebody have the right to each of these email addresses, as after a change of theirs."""
    for email in emails:
        tokens.reserve(
            purpose=Purpose.REVERT_EMAIL,
            user=UserFactory(),
            email=email,
            lifetime=options().email_revert_lifetime,
        )


def names(answer: Answer) -> set[str]:
    return set(answer.headers)


def is_idle() -> bool:
    """Whether no task waits or runs."""
    return not ProcrastinateJob.objects.filter(status__in=["todo", "doing"]).exists()


@pytest.mark.parametrize("call", [register, login, reset, resend, change])
def test_known_and_unknown_addresses_are_answered_alike(
    serve: Serve, manage: Manage, call: Call, measured: Measured
) -> None:
    server = serve("tests.served.pooled:application", **PRODUCTION)
    worker = manage("worker", mail_folder=server.mail_folder)
    for number in range(CALLS):
        status = Status.ACTIVE if number % 4 < 2 else Status.PENDING_EMAIL_VERIFICATION
        UserFactory(email=f"known{number}@example.com", status=status)
    UserFactory(email="asker@example.com")
    User.objects.update(password=real_hash())
    token = server.post("/api/auth/login/", {"email": "asker@example.com", "password": PASSWORD}).json["access"]
    kinds = ["known", "unknown"]
    if call in {register, change}:  # an email address that was given up can be taken back, and nobody else can have it
        kinds.append("held")
        hold([f"held{number}@example.com" for number in range(CALLS)])
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    call(server, "warm@example.com", token)
    for number in range(CALLS):
        answers = {}
        turn = number % len(kinds)
        for kind in kinds[turn:] + kinds[:turn]:
            begun = time.perf_counter()
            answers[kind] = call(server, f"{kind}{number}@example.com", token)
            times[kind].append(time.perf_counter() - begun)
            # The worker shares these cores: the mail that one call caused must not slow the next ones down.
            until(is_idle, alive=worker)
            time.sleep(PAUSE)
        seen = [(answer.status, answer.without_id, names(answer)) for answer in answers.values()]
        assert seen == [seen[0]] * len(kinds)
    medians = {kind: statistics.median(values) * 1000 for kind, values in times.items()}
    told = ", ".join(f"{kind} {median:.1f} ms" for kind, median in medians.items())
    gap = (max(medians.values()) - min(medians.values())) / max(medians.values())
    measured(f"promise 1, {call.__name__}: {told}, gap {gap:.1%} over {CALLS} calls each")
    # What was asked for has been done, by the worker.
    until(is_idle, alive=worker)
    assert not ProcrastinateJob.objects.exclude(status="succeeded").exists()


def test_what_can_be_read_after_asking_for_a_taken_address_is_what_a_free_one_leaves(
    serve: Serve, manage: Manage
) -> None:
    server = serve(**PRODUCTION)
    worker = manage("worker", mail_folder=server.mail_folder)
    UserFactory(email="Dana.Reyes@example.com")
    read = []
    for name, typed in (("ann", "dana.REYES@example.com"), ("bob", "Nobody.HERE@example.com")):
        UserFactory(email=f"{name}@example.com")
        User.objects.update(password=real_hash())
        token = server.post("/api/auth/login/", {"email": f"{name}@example.com", "password": PASSWORD}).json["access"]
        assert change(server, typed, token).status == 202
        until(is_idle, alive=worker)
        text = json.dumps(readable(server, token))
        read.append(text.replace(typed, "TYPED").replace(f"{name}@example.com", "OWN"))
    assert read[0] == read[1]
    assert "TYPED" in read[0]
    assert {mail["To"] for mail in server.mails()} == {"Dana.Reyes@example.com", "Nobody.HERE@example.com"}
