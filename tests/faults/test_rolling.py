"""A new release and its migration, while requests go on without pause: none fails."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
from django.conf import settings
from django.db import connection

from keystone.accounts.models import User
from keystone.testing.factories import PASSWORD, UserFactory
from tests.faults.balancing import Balancer, is_ready
from tests.faults.held_row import held_row
from tests.faults.registering import Registrations
from tests.measures import Measured
from tests.served.conftest import WIDE
from tests.served.process import until
from tests.served.server import Answer, Server, free_port, process_environment

pytestmark = pytest.mark.django_db(transaction=True)
APPLICATION = "tests.served.pooled:application"
CLIENTS = 3
NEWER = {"TEST_APPS": "tests.faults.rolled"}
COLUMN = "SELECT 1 FROM information_schema.columns WHERE column_name = 'faults_note'"


@pytest.fixture
def unmigrated() -> Iterator[None]:
    """The tests' database as the older release has it, also afterwards."""
    yield
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE keystone_user DROP COLUMN IF EXISTS faults_note")  # and its index
        cursor.execute("DELETE FROM django_migrations WHERE app = 'rolled'")


def migrate(folder: Path) -> None:
    """What the newer release does before it starts."""
    command = [sys.executable, "manage.py", "db", "upgrade"]
    environment = process_environment(folder, NEWER)
    done = subprocess.run(command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


class SlowRequest:
    """One that is under way while its server is told to end: it waits for a row that the test has."""

    def __init__(self, server: Server, workers: ThreadPoolExecutor) -> None:
        ann = UserFactory(email=f"ann{server.port}@example.com")
        token = server.post("/api/auth/login/", {"email": ann.email, "password": PASSWORD}).json["access"]
        self._held = ExitStack()
        waiting = self._held.enter_context(held_row(ann))
        body = {"first_name": "Anna"}
        self._answer: Future[Answer] = workers.submit(server.request_json, "PATCH", "/api/me/", body, token)
        until(waiting)

    def end(self) -> int:
        """Let go of the row, and give the status of the answer; 0 where there is none."""
        self._held.close()
        try:
            return self._answer.result(timeout=30).status
        except OSError:
            return 0


@pytest.mark.usefixtures("unmigrated")
def test_a_release_with_a_migration_fails_no_request(tmp_path: Path, measured: Measured) -> None:
    old = Server(tmp_path / "old", application=APPLICATION, environment=WIDE)
    new = Server(tmp_path / "new", application=APPLICATION, environment=WIDE | NEWER)
    old.start()
    new.port = free_port()
    try:
        with (
            ThreadPoolExecutor() as workers,
            Balancer(old, new) as balancer,
            Registrations(balancer, clients=CLIENTS, pause=0) as registrations,
        ):
            new.start()  # before its migration it is alive, and not ready
            assert (is_ready(new), is_ready(old)) == (False, True)
            migrate(tmp_path)
            until(lambda: balancer.is_used(new))
            assert is_ready(old)
            until(lambda: balancer.answered_by[new.port] >= 20)
            slow = SlowRequest(old, workers)
            balancer.take_out(old)
            time.sleep(1)  # those that are on their way arrive
            old.process.terminate()
            time.sleep(1)
            slow_status = slow.end()
            assert old.process.wait(timeout=20) == 0
            enough = balancer.answered_by[new.port] + 50
            until(lambda: balancer.answered_by[new.port] >= enough)
        failed = sum(count for status, count in registrations.answers.items() if status != 202) + (slow_status != 200)
        lost = len(set(registrations.acknowledged) - set(User.objects.values_list("email", flat=True)))
        measured(
            f"release with a migration: {registrations.answers.total() + 1} requests, lost {lost}, {failed} failed, "
            f"the slowest took {registrations.slowest:.1f} s"
        )
        assert lost == 0
        with connection.cursor() as cursor:
            cursor.execute(COLUMN)
            assert cursor.fetchone() == (1,)
        assert failed == 0, (registrations.answers, slow_status)
    finally:
        for server in (old, new):
            if hasattr(server, "process"):
                server.stop()


def test_a_server_that_starts_its_worker_anew_goes_on(tmp_path: Path, measured: Measured) -> None:
    """One machine has no other instance to send requests to meanwhile.

    What a worker has begun to read is answered. A connection that it has taken up, and not read from when it is told to
    end, is closed: hyper, the library below granian, means it so. That is rare: once in some runs of this test.
    """
    server = Server(tmp_path, application=APPLICATION, environment=WIDE, workers=1, respawn_seconds=30)
    server.start()
    try:
        main = psutil.Process(server.process.pid)
        before = set(main.children())
        with ThreadPoolExecutor() as workers, Registrations(server, clients=CLIENTS, pause=0) as registrations:
            until(lambda: len(registrations.acknowledged) >= 20)
            slow = SlowRequest(server, workers)
            os.kill(server.process.pid, signal.SIGHUP)
            begun = time.monotonic()
            until(lambda: "Stopping old worker" in server.log.read_text(), seconds=60)
            slow_status = slow.end()
            until(lambda: len(set(main.children()) - before) == 1 and not before & set(main.children()))
            took = time.monotonic() - begun
            enough = len(registrations.acknowledged) + 20
            until(lambda: len(registrations.acknowledged) >= enough)
        total = registrations.answers.total() + 1
        failed = total - len(registrations.acknowledged) - (slow_status == 200)
        measured(
            f"server told to start its worker anew (SIGHUP): {total} requests, {failed} failed, the slowest took "
            f"{registrations.slowest:.1f} s; its worker is new after {took:.1f} s"
        )
        assert slow_status == 200
        assert set(registrations.answers) <= {0, 202}
        assert failed <= CLIENTS
    finally:
        server.stop()
