"""Promise 15: no password, token, link or key reaches logs, Sentry, Redis or a row, whatever fails, wherever.

Everybody is at work: the server, a worker, a scheduler, a mail server that wants a password, Sentry, Redis where there
is one. Every flow is walked. Then all that fails with everything: a page, tasks, a mail, a job, the mail server.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from django.db import connection

from keystone.mail.models import MailState, OutgoingMail
from keystone.mail.outbox import Addressee
from keystone.mail.outbox import queue as queue_mails
from keystone.scheduling.models import RunState, ScheduledRun
from keystone.testing.factories import superuser
from keystone.two_factor.models import Authenticator
from tests.every_row import rows
from tests.faults import tasks
from tests.faults.canaries import VARIABLE
from tests.faults.fleet import OURS, all_mailed, smtp
from tests.mail.smtp_server import AUTH, END, SmtpServer
from tests.measures import Measured
from tests.observability.logs.sentry_sink import Sink, receiving
from tests.served.conftest import QUICK, WIDE, Manage
from tests.served.process import ManagedProcess, until
from tests.served.server import Server, database_url
from tests.served.test_dump import found, walk
from tests.two_factor.phone import set_up

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("queue", "effect_table"),
]
SMTP_PASSWORD, DATABASE_PASSWORD = "canary-of-the-mail-server", "canary-of-the-database"


class MailedServer(Server):
    """The application, whose mails a worker sends to a mail server."""

    sink: SmtpServer

    def mails(self, address: str = "") -> list[Any]:
        """The mails that have arrived, once all that is queued has been sent."""
        until(lambda: all_mailed() and not _waiting(), seconds=60)
        return [mail for mail in self.sink.messages if not address or mail["To"] == address]


def _waiting() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM procrastinate_jobs WHERE status IN ('todo', 'doing'))")
        return bool(cursor.fetchone()[0])


def _database_url() -> tuple[str, str]:
    """The address of the tests' database with a password, which a server that trusts its socket does not ask for."""
    url, own = database_url(), connection.get_connection_params().get("password")
    if own:
        return url, str(own)
    parts = urlsplit(url)
    user = quote(str(connection.get_connection_params()["user"]), safe="")
    return parts._replace(netloc=f"{user}:{DATABASE_PASSWORD}@:{parts.netloc.rpartition(':')[2]}").geturl(), (
        DATABASE_PASSWORD
    )


@pytest.fixture
def redis_client(worker_id: str) -> Iterator[Any]:
    """A client of a Redis database of our own, empty; None where no Redis answers."""
    redis = pytest.importorskip("redis")
    number = 10 + int(worker_id.removeprefix("gw") or 0) % 6 if worker_id != "master" else 10
    client = redis.Redis(host=os.environ.get("REDIS_SERVER", "127.0.0.1"), port=6379, db=number, socket_timeout=1)
    try:
        client.flushdb()
    except redis.exceptions.ConnectionError:
        client.close()
        yield None
        return
    yield client
    client.flushdb()
    client.close()


def test_no_secret_stands_anywhere_whatever_fails(
    manage: Manage, sink: SmtpServer, redis_client: Any, tmp_path: Path, measured: Measured, settings: Any
) -> None:
    url, database_password = _database_url()
    file = tmp_path / "secrets.json"
    sink.wants_sign_in = True
    with receiving() as sentry:
        environment = smtp(sink.port) | {
            "DATABASE_URL": url,
            "LOG_FORMAT": "json",
            "LOG_LEVEL": "DEBUG",
            "SMTP_USER": "keystone",
            "SMTP_PASSWORD": SMTP_PASSWORD,
            "TEST_SENTRY_DSN": sentry.dsn,
            "TEST_TASKS": "queue",
            "TEST_APPS": OURS,
            VARIABLE: str(file),
        }
        if redis_client is not None:
            number = redis_client.get_connection_kwargs()["db"]
            environment |= {"CACHE_ENABLED": "true", "REDIS_SERVER": "127.0.0.1", "REDIS_DB": str(number)}
        worker, scheduler = (manage(command, *options, environment=environment) for command, options in COMMANDS)
        server = MailedServer(
            tmp_path,
            application="tests.faults.faulty:application",
            environment=environment | WIDE | {"GRANIAN_LOG_CONFIG": "keystone/server/granian_logs.json"},
        )
        server.sink = sink
        server.start()
        try:
            secrets = walk(server) | second_factor()
            secrets |= {
                "the mail server's password": SMTP_PASSWORD,
                "the database's password": database_password,
                "the key": settings.SECRET_KEY,
                "Sentry's address": sentry.dsn,
            }
            file.write_text(json.dumps(secrets))
            fail_everywhere(server, worker, sink, secrets)
            until(lambda: ScheduledRun.objects.filter(state=RunState.FAILED).exists(), seconds=60, alive=worker)
            places = {
                "rows": list(rows()),
                "the server's log": [server.log.read_text()],
                "the worker's log": [worker.said],
                "the scheduler's log": [scheduler.said],
                "Redis": _redis(redis_client),
            }
            mails = [mail.as_string() for mail in sink.messages]
        finally:
            server.stop()
        assert worker.terminate() == 0
        assert scheduler.terminate() == 0
        places["what Sentry was told"] = _told(sentry)
    # The search finds what is there.
    assert any("ann@example.com" in row for row in places["rows"])
    assert found({"link": secrets["verification link"]}, mails) == ["link"]
    for name in ("rows", "the server's log", "the worker's log", "what Sentry was told"):
        assert any("ValueError" in text for text in places[name]), name
    everywhere = {name: found(secrets, texts) for name, texts in places.items()}
    measured(
        f"{len(secrets)} secrets searched for in {', '.join(name for name, texts in places.items() if texts)}: "
        f"{sum(len(names) for names in everywhere.values())} found"
    )
    assert everywhere == {name: [] for name in places}


COMMANDS = (("worker", QUICK), ("scheduler", ()))


def second_factor() -> dict[str, str]:
    """A second factor: the secret that a phone has, and the recovery codes."""
    user = superuser(email="factor@example.com")
    codes = set_up(user)
    secret = Authenticator.objects.get(user=user, confirmed=True).secret.replace(" ", "")
    return {"the authenticator's secret": secret, **{f"code {number}": code for number, code in enumerate(codes)}}


def fail_everywhere(server: Server, worker: ManagedProcess, sink: SmtpServer, secrets: dict[str, str]) -> None:
    """Let fail whatever can, with the secrets in its hands."""
    link = secrets["reset link"]
    body = {"password": secrets["first password"], "new_password": secrets["second password"], "token": link}
    body |= {"refresh": secrets["first refresh"], "code": secrets["code 0"], "secret": SMTP_PASSWORD}
    cookie = {"Cookie": f"sessionid={secrets['cookie of the admin']}"}
    assert server.post(f"/api/fault/?token={link}", body, secrets["first access"], headers=cookie).status == 500

    failing: list[Any] = [tasks.fail_with_secrets.enqueue(), tasks.fail_with_secrets_async.enqueue()]
    tasks.queue_mail_that_fails.enqueue()
    until(lambda: OutgoingMail.objects.filter(template="fails").exclude(last_error="").exists(), alive=worker)
    for task in failing:
        until(lambda: _status(task.id) == "failed", alive=worker)  # noqa: B023 - called in this round

    sink.answers[AUTH] = f"535 5.7.8 {SMTP_PASSWORD} is wrong, keystone".encode()
    queue_mails("trial", [Addressee(recipient="unsigned@example.com")])
    unsigned = OutgoingMail.objects.filter(recipient="unsigned@example.com")
    until(lambda: unsigned.exclude(last_error="").exists(), alive=worker)
    assert "refuses the user name or password" in unsigned.get().last_error
    sink.answers = {END: f"550 5.7.1 spam: http://localhost:8000/reset-password/{link}/ and {link}".encode()}
    queue_mails("trial", [Addressee(recipient="spam@example.com")])
    until(lambda: OutgoingMail.objects.filter(state=MailState.FAILED).exists(), alive=worker)
    sink.recover()


def _status(task_id: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT status::text FROM procrastinate_jobs WHERE id = %s", [int(task_id)])
        return str(cursor.fetchone()[0])


def _redis(client: Any) -> list[str]:
    if client is None:
        return []
    client.set("keystone:control", "the search finds what is there")
    return [f"{key!r} {client.dump(key)!r}" for key in client.scan_iter()]


def _told(sentry: Sink) -> list[str]:
    return [raw.decode() for raw in sentry.raw]
