"""A full disk under PostgreSQL: who registers is told to come again, nothing is half done, and it mends by itself."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from keystone.testing.factories import PASSWORD
from tests.faults.fleet import PROMISED, UNMAILED, smtp
from tests.faults.postgres import Postgres, once
from tests.faults.registering import Registrations
from tests.faults.small_disk import SmallDisk, small_disk
from tests.mail.smtp_server import SmtpServer
from tests.measures import Measured
from tests.served.conftest import QUICK, WIDE, Manage
from tests.served.process import until
from tests.served.server import Server

pytestmark = [once, pytest.mark.django_db(transaction=True)]
FULL_FOR = 4  # seconds
# A person has one line in the audit log, and one mail.
HALVES = """
SELECT email FROM keystone_user AS person WHERE NOT is_superuser AND NOT (
    (SELECT count(*) FROM keystone_auditevent WHERE target_id = person.id::text AND action = 'user.registered') = 1
    AND (SELECT count(*) FROM keystone_outgoingmail WHERE recipient = person.email) = 1
)
"""


@pytest.fixture
def disk(short_folder: Path) -> Iterator[SmallDisk]:
    """A small one, empty."""
    with small_disk(short_folder / "disk", megabytes=200) as disk:
        yield disk


@pytest.fixture
def postgres(made_postgres: Postgres, disk: SmallDisk, short_folder: Path) -> Iterator[Postgres]:
    """A server whose data, but for its write-ahead log, is on the small disk."""
    server = made_postgres.copied_to(disk.folder)
    server.keep_log_in(short_folder / "log")
    try:
        server.start()
        yield server
    finally:
        disk.free()
        server.stop()


def test_a_full_disk_refuses_what_is_written_and_recovers_unaided(
    manage: Manage, postgres: Postgres, disk: SmallDisk, sink: SmtpServer, measured: Measured, tmp_path: Path
) -> None:
    email = postgres.add_superuser()
    here = smtp(sink.port) | {"DATABASE_URL": postgres.url}
    worker, scheduler = manage("worker", *QUICK, environment=here), manage("scheduler", environment=here)
    application = "tests.served.pooled:application"
    server = Server(tmp_path, application=application, environment={**here, "TEST_TASKS": "queue", **WIDE})
    server.start()
    try:
        token = server.post("/api/auth/login/", {"email": email, "password": PASSWORD}).json["access"]

        def state_of_disk() -> tuple[int, str]:
            ready = server.get("/api/health/ready/")
            return ready.status, ready.json["checks"]["disk"]

        assert state_of_disk() == (200, "ok")
        with Registrations(server, clients=4, pause=0.02) as registrations:
            until(lambda: len(registrations.acknowledged) >= 20, alive=worker)
            disk.fill()
            until(lambda: registrations.answers[503] >= 20, alive=worker)
            noticed = until(lambda: state_of_disk() == (503, "full"))
            time.sleep(FULL_FOR)
            bearer = {"Authorization": f"Bearer {token}"}
            reads = {server.get(path, bearer).status for path in ("/api/me/", "/api/users/", "/api/audit/")}
            assert state_of_disk() == (503, "full")
            refused = registrations.answers[503]
            disk.free()
            freed = time.monotonic()
            enough = len(registrations.acknowledged) + 20
            until(lambda: len(registrations.acknowledged) >= enough, alive=worker)
            until(lambda: state_of_disk() == (200, "ok"))
            ready = time.monotonic() - freed
        errors = max([0.0, *(at - freed for at in registrations.failed_at)])
        until(lambda: not postgres.values(UNMAILED), seconds=PROMISED, alive=worker)
        mailed = time.monotonic() - freed
        acknowledged = set(registrations.acknowledged)
        people = set(postgres.values("SELECT email FROM keystone_user WHERE NOT is_superuser"))
        lost = len(acknowledged - people) + len(acknowledged - set(sink.recipients))
        halves = postgres.values(HALVES)
        measured(
            f"disk of PostgreSQL full for {FULL_FOR} s under load: {len(acknowledged)} registrations, lost {lost}, "
            f"{refused} refused, {len(halves)} half written; ready said so after {noticed:.1f} s; the last error "
            f"{errors:.1f} s after there was room, ready after {ready:.1f} s, the last mail after {mailed:.1f} s"
        )
        assert (lost, halves) == (0, [])
        assert people == acknowledged  # what was refused left nothing
        assert set(registrations.answers) == {202, 503}
        assert registrations.hasty == []
        assert reads == {200}
        assert (worker.is_running, scheduler.is_running, server.process.poll()) == (True, True, None)
    finally:
        server.stop()
    assert worker.terminate() == 0
    assert scheduler.terminate() == 0
