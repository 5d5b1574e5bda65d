"""Behind PgBouncer in transaction mode, with `DATABASE_POOLER=transaction`: the main job goes on as it does without."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from django.db import connection

from keystone.accounts.models import User
from keystone.environment import env
from keystone.testing.factories import UserFactory, superuser
from tests.served.conftest import QUICK, WIDE, Manage, manage
from tests.served.process import until
from tests.served.server import START_LIMIT, Server, at_once, free_port, link_token, process_environment

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
pytestmark = [
    pytest.mark.served,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(PGBOUNCER is None, reason="PgBouncer is not installed"),
]
SERVER_CONNECTIONS = 3  # fewer than there are clients, so that they have to share
PEOPLE = 8
PASSWORD = "correct horse 9"

__all__ = ["manage"]


@pytest.fixture
def pooled(transactional_db: None, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of processes that reach this test's database through PgBouncer."""
    port = free_port()
    params = connection.get_connection_params()
    known = {"host": params["host"], "port": params.get("port") or 5432, "dbname": params["dbname"]}
    known |= {name: params[name] for name in ("user", "password") if params.get(name)}
    address = " ".join(f"{name}='{value}'" for name, value in known.items())
    configuration = tmp_path / "pgbouncer.ini"
    configuration.write_text(f"""
[databases]
keystone = {address}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {SERVER_CONNECTIONS}
max_client_conn = 200
""")
    command = [str(PGBOUNCER), str(configuration)]
    if os.geteuid() == 0:  # which PgBouncer refuses; a socket's folder may be its owner's alone
        command += ["-u", Path(known["host"]).owner() if known["host"].startswith("/") else "nobody"]
    url = f"postgresql://{quote(known.get('user', 'postgres'))}@127.0.0.1:{port}/keystone"
    with (tmp_path / "pgbouncer.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        until(lambda: _answers(url), seconds=START_LIMIT)
        yield {"DATABASE_URL": url, "DATABASE_POOLER": "transaction", "TEST_TASKS": "queue", **WIDE}
    finally:
        process.terminate()
        process.wait(timeout=20)


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


def test_the_main_job_is_done_behind_a_pooler(pooled: dict[str, str], manage: Manage, tmp_path: Path) -> None:
    server = Server(tmp_path, application="tests.served.pooled:application", environment=pooled)
    worker = manage("worker", *QUICK, mail_folder=server.mail_folder, environment=pooled)
    manage("scheduler", environment=pooled)
    people = [f"maria{number}@example.com" for number in range(PEOPLE)]
    admin = superuser(password=PASSWORD)
    server.start()
    try:
        bodies = [{"email": email, "password": PASSWORD, "first_name": "Maria"} for email in people]
        registered = at_once([lambda body=body: server.post("/api/auth/register/", body) for body in bodies])  # type: ignore[misc]  # binds it
        assert [answer.status for answer in registered] == [202] * PEOPLE
        until(lambda: all(server.mails(email) for email in people), seconds=60, alive=worker)
        tokens = [link_token(server.mails(email)[0]) for email in people]
        verified = at_once(
            [lambda token=token: server.post("/api/auth/verify-email/", {"token": token}) for token in tokens]  # type: ignore[misc]  # binds it
        )
        assert [answer.json["status"] for answer in verified] == ["pending_admin_approval"] * PEOPLE
        token = server.post("/api/auth/login/", {"email": admin.email, "password": PASSWORD}).json["access"]
        paths = [f"/api/users/{key}/approve/" for key in User.objects.awaiting_approval().values_list("pk", flat=True)]
        approved = at_once([lambda path=path: server.post(path, {}, token) for path in paths])  # type: ignore[misc]  # binds it
        assert [answer.status for answer in approved] == [200] * PEOPLE
        until(lambda: all(len(server.mails(email)) == 2 for email in people), seconds=60, alive=worker)
        exported = server.get("/api/users/export/", {"Authorization": f"Bearer {token}"})
        assert exported.text.count("\n") == PEOPLE + 2  # with a heading, and the administrator
        assert server.get("/api/health/ready/").json["checks"]["database"] == "ok"
    finally:
        server.stop()


READ = """
import os
import django
import psycopg
django.setup()
from keystone.environment import env
from keystone.accounts.models import User
rows = User.objects.order_by("pk").iterator(chunk_size=2)
found = [next(rows)]
with psycopg.connect(os.environ["DATABASE_URL"]) as other:
    other.execute("SELECT 1")  # it has now the connection on which the rows were asked for
    print(len([*found, *rows]))
"""


@pytest.mark.parametrize(
    ("pooler", "said"), [("transaction", r"^4$"), ("", r"cursor \"\w+\" does not exist")], ids=["told", "not told"]
)
def test_rows_are_read_to_the_end_where_django_knows_of_the_pooler(
    pooled: dict[str, str], tmp_path: Path, pooler: str, said: str
) -> None:
    UserFactory.create_batch(4)
    environment = process_environment(tmp_path, pooled | {"DATABASE_POOLER": pooler})
    done = subprocess.run(
        [sys.executable, "-c", READ], env=environment, cwd=env.BASE_DIR, capture_output=True, text=True, timeout=60
    )
    assert re.search(said, done.stdout + done.stderr, re.MULTILINE), done.stderr
