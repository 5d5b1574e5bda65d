"""Promise 11, with PostgreSQL restarted under load: nobody ends, and what was acknowledged is there and is mailed."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from keystone.tests.faults.fleet import PROMISED, smtp
from keystone.tests.faults.postgres import Postgres
from keystone.tests.faults.registering import Registrations
from keystone.tests.mail.smtp_server import SmtpServer
from keystone.tests.measures import Measured
from keystone.tests.served.conftest import QUICK, WIDE, Manage
from keystone.tests.served.process import until
from keystone.tests.served.server import Server

pytestmark = [pytest.mark.served, pytest.mark.django_db(transaction=True)]
AWAY = 3  # seconds


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A server of these tests' own."""
    folder = Path(tempfile.mkdtemp(prefix="kpg"))  # pytest's folders have paths too long for a socket
    server = Postgres(folder)
    try:
        server.make()
        yield server
    finally:
        if (server.folder / "postmaster.pid").exists():
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_restart_of_postgresql_under_load_loses_nothing(
    manage: Manage, postgres: Postgres, sink: SmtpServer, measured: Measured, tmp_path: Path, mode: str
) -> None:
    here = smtp(sink.port) | {"DATABASE_URL": postgres.url}
    worker, scheduler = manage("worker", *QUICK, environment=here), manage("scheduler", environment=here)
    server = Server(
        tmp_path,
        application="keystone.tests.served.pooled:application",
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
            time.sleep(AWAY)
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
            lambda: not postgres.values("SELECT 1 FROM keystone_outgoingmail WHERE state = 'queued'"),
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
            f"PostgreSQL restarted, and away for {AWAY} s ({mode}), under load: {len(acknowledged)} registrations, "
            f"lost {lost + unsent}, duplicated {twice}, {len(registrations.failed_at)} refused, the last one "
            f"{errors:.1f} s after its return; the last mail recovered in {recovered:.1f} s"
        )
        assert (lost, unsent) == (0, 0)
        assert twice <= 8  # slots of the worker, two outages
        assert set(registrations.answers) <= {202, 500, 503}
        assert "Traceback" not in scheduler.said
    finally:
        server.stop()
    assert worker.terminate() == 0
    assert scheduler.terminate() == 0
