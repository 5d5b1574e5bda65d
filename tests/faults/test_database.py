"""Promise 11, with PostgreSQL restarted under load: nobody ends, and what was acknowledged is there and is mailed."""

import time
from pathlib import Path

import pytest

from keystone.testing.factories import PASSWORD
from tests.faults.fleet import PROMISED, UNMAILED, smtp
from tests.faults.postgres import Postgres, once
from tests.faults.registering import Registrations
from tests.mail.smtp_server import SmtpServer
from tests.measures import Measured
from tests.served.conftest import QUICK, WIDE, Manage
from tests.served.process import until
from tests.served.server import Server

pytestmark = [once, pytest.mark.django_db(transaction=True)]
PATIENCE = 5  # seconds that a request waits for a connection


@pytest.mark.parametrize(("mode", "away"), [("fast", PATIENCE + 2), ("immediate", PATIENCE - 2)])
def test_a_restart_of_postgresql_under_load_loses_nothing(
    manage: Manage, postgres: Postgres, sink: SmtpServer, measured: Measured, tmp_path: Path, mode: str, away: int
) -> None:
    here = smtp(sink.port) | {"DATABASE_URL": postgres.url}
    worker, scheduler = manage("worker", *QUICK, environment=here), manage("scheduler", environment=here)
    server = Server(
        tmp_path,
        application="tests.served.pooled:application",
        environment={**here, "TEST_TASKS": "queue", **WIDE},
    )
    server.start()
    sink.seconds_per_mail = 0.1  # so that some are under way
    try:
        with Registrations(server, prefix=mode, clients=3) as registrations:
            until(lambda: len(registrations.acknowledged) >= 30, alive=worker)
            postgres.restart(mode)
            enough = len(registrations.acknowledged) + 30
            until(lambda: len(registrations.acknowledged) >= enough, seconds=PROMISED, alive=worker)
            postgres.stop(mode)
            time.sleep(away)
            postgres.start()
            returned = time.monotonic()
            enough = len(registrations.acknowledged) + 30
            until(lambda: len(registrations.acknowledged) >= enough, seconds=PROMISED, alive=worker)
        beat = postgres.values("SELECT clock_timestamp()")[0]
        until(
            lambda: postgres.values("SELECT 1 FROM keystone_schedulerprocess WHERE last_heartbeat > %s", beat),
            seconds=PROMISED,
            alive=scheduler,
        )
        until(
            lambda: not postgres.values(UNMAILED),
            seconds=PROMISED,
            alive=worker,
        )
        acknowledged = set(registrations.acknowledged)
        assert server.process.poll() is None
        lost = len(acknowledged - set(postgres.values("SELECT email FROM keystone_user")))
        unsent = len(acknowledged - set(sink.recipients))
        twice = len(sink.messages) - len(sink.copies)
        slowest = "SELECT extract(epoch FROM max(sent_at - created_at))::float FROM keystone_outgoingmail"
        recovered = postgres.values(slowest)[0]
        errors = max([0.0, *(at - returned for at in registrations.failed_at)])
        measured(
            f"PostgreSQL restarted, and away for {away} s ({mode}), under load: {len(acknowledged)} registrations, "
            f"lost {lost + unsent}, duplicated {twice}, {len(registrations.failed_at)} refused, the last one "
            f"{errors:.1f} s after its return; the last mail recovered in {recovered:.1f} s"
        )
        assert (lost, unsent) == (0, 0)
        assert twice <= 8  # slots of the worker, two outages
        assert set(registrations.answers) <= {202, 503}
        if away > PATIENCE:
            assert registrations.answers[503] > 0
        assert registrations.hasty == []
        assert "Traceback" not in scheduler.said
    finally:
        server.stop()
    assert worker.terminate() == 0
    assert scheduler.terminate() == 0


READS = [
    "/api/me/",
    "/api/users/",
    "/api/health/ready/",
    "/admin/",
    "/admin/keystone/user/",
    "/verify-email/a-token-that-is-none/",
    "/reset-password/a-token-that-is-none/",
    "/confirm-email/a-token-that-is-none/",
]
FORMS = [
    ("/admin/login/", {"username": "ann@example.com", "password": PASSWORD}),
    ("/api/session/login/", {"username": "ann@example.com", "password": PASSWORD}),
    ("/reset-password/", {"email": "ann@example.com"}),
    ("/verify-email/resend/", {"email": "ann@example.com"}),
    ("/verify-email/a-token-that-is-none/", {}),
    ("/admin/logout/", {}),
]
BODIES = [
    ("/api/auth/register/", {"email": "ann@example.com", "password": "a good long one", "first_name": "Ann"}),
    ("/api/auth/login/", {"email": "ann@example.com", "password": PASSWORD}),
    ("/api/auth/password/reset/", {"email": "ann@example.com"}),
    ("/api/auth/verify-email/", {"token": "a-token-that-is-none"}),
]
WITHOUT = [
    "/",
    "/docs/",
    "/redoc/",
    "/api/schema/",
    "/api/health/live/",
    "/admin/login/",
    "/reset-password/",
    "/nowhere/",
]


def test_whoever_needs_postgresql_while_it_is_away_is_told_when_to_come_again(
    postgres: Postgres, tmp_path: Path, measured: Measured
) -> None:
    """Whatever asks for it first: a view, a middleware, a form, a template; and what needs it not goes on."""
    email = postgres.add_superuser()
    server = Server(tmp_path, environment={"DATABASE_URL": postgres.url, **WIDE})
    server.start()
    try:
        browser = server.browser().sign_in(email, PASSWORD)
        token = server.post("/api/auth/login/", {"email": email, "password": PASSWORD}).json["access"]
        before = {path: server.browser().send("GET", path).status for path in WITHOUT}
        postgres.stop("fast")
        found = {f"token {path}": server.get(path, {"Authorization": f"Bearer {token}"}) for path in READS[:2]}
        found |= {f"GET {path}": browser.send("GET", path) for path in READS}
        found |= {f"form {path}": browser.send("POST", path, form) for path, form in FORMS}
        found |= {f"POST {path}": server.post(path, body) for path, body in BODIES}
        unneeded = {path: server.browser().send("GET", path).status for path in WITHOUT}
    finally:
        server.stop()
    others = {name: answer for name, answer in found.items() if answer.status != 503}
    measured(f"PostgreSQL away: {len(found)} ways to need it, {len(others)} not answered by 503 with Retry-After")
    assert {name: (answer.status, answer.text[:300]) for name, answer in others.items()} == {}
    hasty = [name for name, answer in found.items() if answer.headers.get("retry-after") != "5"]
    assert hasty == ["GET /api/health/ready/"]  # whoever asks that has an interval of its own
    assert unneeded == before
