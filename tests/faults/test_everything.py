"""Everything killed and started anew, in any order, while people register: nothing that was acknowledged is lost."""

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.caching.redis_server import RedisServer
from tests.faults.fleet import PROMISED, UNMAILED, smtp
from tests.faults.postgres import Postgres, once
from tests.faults.registering import Registrations
from tests.mail.smtp_server import SmtpServer
from tests.measures import Measured
from tests.served.conftest import QUICK, WIDE
from tests.served.process import ManagedProcess, until
from tests.served.server import Server

pytestmark = [once, pytest.mark.django_db(transaction=True)]
ROUNDS = 3
PEOPLE = 12  # who are acknowledged before the next round
SLOTS = 4  # of the worker: as many mails may be under way when it is killed


def test_everything_is_killed_and_restarted_in_any_order(
    postgres: Postgres, redis_server: RedisServer, sink: SmtpServer, measured: Measured, tmp_path: Path
) -> None:
    chance = random.Random(6)  # noqa: S311 - the same order each time
    here = smtp(sink.port) | {"DATABASE_URL": postgres.url, "CACHE_ENABLED": "true", "REDIS_URL": redis_server.url}
    application = "tests.served.pooled:application"
    server = Server(tmp_path, application=application, environment={**here, "TEST_TASKS": "queue", **WIDE})
    worker = ManagedProcess(tmp_path / "worker", "worker", *QUICK, environment=here)
    scheduler = ManagedProcess(tmp_path / "scheduler", "scheduler", environment=here)
    parts: list[tuple[str, Callable[[], object], Callable[[], object]]] = [
        ("PostgreSQL", postgres.kill, postgres.start),
        ("Redis", redis_server.kill, redis_server.start),
        ("web", server.kill, server.launch),
        ("worker", worker.kill, lambda: worker.start(wait=False)),
        ("scheduler", scheduler.kill, lambda: scheduler.start(wait=False)),
    ]
    orders: list[str] = []
    sink.seconds_per_mail = 0.05  # so that some are under way
    try:
        server.start()
        worker.start()
        scheduler.start()
        with Registrations(server, clients=3) as registrations:
            for _ in range(ROUNDS):
                enough = len(registrations.acknowledged) + PEOPLE
                until(lambda: len(registrations.acknowledged) >= enough, seconds=PROMISED, alive=worker)  # noqa: B023 - called in this round
                for _name, kill, _start in chance.sample(parts, len(parts)):
                    time.sleep(chance.uniform(0, 0.3))
                    kill()
                order = chance.sample(parts, len(parts))
                orders.append(" ".join(name for name, _kill, _start in order))
                for _name, _kill, start in order:
                    start()
            restarted = time.monotonic()
            enough = len(registrations.acknowledged) + PEOPLE
            until(lambda: len(registrations.acknowledged) >= enough, seconds=PROMISED, alive=worker)
        errors = max([0.0, *(at - restarted for at in registrations.failed_at)])
        until(lambda: not postgres.values(UNMAILED), seconds=PROMISED, alive=worker)
        mailed = time.monotonic() - restarted
        beat = postgres.values("SELECT clock_timestamp()")[0]
        beats = "SELECT 1 FROM keystone_schedulerprocess WHERE last_heartbeat > %s"
        until(lambda: postgres.values(beats, beat), seconds=PROMISED, alive=scheduler)
        acknowledged = set(registrations.acknowledged)
        lost = len(acknowledged - set(postgres.values("SELECT email FROM keystone_user")))
        unsent = len(acknowledged - set(sink.recipients))
        twice = len(sink.messages) - len(sink.copies)
        measured(
            f"everything killed {ROUNDS} times, and started in the orders {', '.join(orders)}: {len(acknowledged)} "
            f"registrations, lost {lost + unsent}, duplicated {twice}, {len(registrations.failed_at)} failed, the last "
            f"one {errors:.1f} s after the last start; the last mail recovered in {mailed:.1f} s"
        )
        assert (lost, unsent) == (0, 0)
        assert twice <= SLOTS * ROUNDS
        assert registrations.answers[0] > 0  # it was noticed
        assert set(registrations.answers) <= {0, 202, 503}
        assert errors < PROMISED
        # A copy has the Message-ID of its row, which does not change.
        assert sink.copies.keys() == set(postgres.values("SELECT message_id FROM keystone_outgoingmail"))
    finally:
        for process in (worker, scheduler):
            if hasattr(process, "process"):
                process.stop()
        if hasattr(server, "process"):
            server.kill()
