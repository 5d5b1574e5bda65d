"""Where the server is, without its secrets, and how it answers: `db test`."""

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.contrib.postgres.signals import get_citext_oids, get_hstore_oids
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.backends.postgresql.base import DatabaseWrapper

from keystone.database.server import NoAnswer, ask, masked_address, server
from tests.database.own_database import OwnDatabase, make
from tests.served.process import until

pytestmark = pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning")


@pytest.fixture
def own(db: None) -> Iterator[OwnDatabase]:
    found = make()
    yield found
    found.drop()


@pytest.fixture
def powerless(own: OwnDatabase) -> Iterator[str]:
    """A role that may see nothing of others."""
    name = f"powerless_{uuid.uuid4().hex[:8]}"
    own.run(f"CREATE ROLE {name}")
    yield name
    own.run(f"DROP ROLE {name}")


@pytest.mark.parametrize(
    ("host", "has_password", "options", "address"),
    [
        ("db.example.com", True, {}, "postgresql://ada:***@db.example.com:5432/shop"),
        ("db.example.com", False, {}, "postgresql://ada@db.example.com:5432/shop"),
        ("::1", True, {}, "postgresql://ada:***@[::1]:5432/shop"),
        ("/run/postgres", False, {}, "postgresql://ada@:5432/shop?host=/run/postgres"),
        ("h", True, {"sslmode": "require"}, "postgresql://ada:***@h:5432/shop?sslmode=require"),
        ("h", True, {"sslpassword": "hush", "password": "hush"}, "postgresql://ada:***@h:5432/shop?sslpassword=***"),
        ("h", False, {"options": "-c app.key=hush"}, "postgresql://ada@h:5432/shop?options=***"),
        ("h", False, {"some_new_option": "hush"}, "postgresql://ada@h:5432/shop?some_new_option=***"),
    ],
)
def test_an_address_masks_whatever_could_be_a_secret(
    host: str, has_password: bool, options: dict[str, str], address: str
) -> None:
    shown = masked_address(options, host=host, port=5432, user="ada", database="shop", has_password=has_password)
    assert shown == address


def test_an_address_escapes_what_would_end_a_part_of_it() -> None:
    shown = masked_address({}, host="h", port=1, user="a@b/c:d", database="x?y", has_password=True)
    assert shown == "postgresql://a%40b%2Fc%3Ad:***@h:1/x%3Fy"


@pytest.mark.django_db
def test_the_server_says_what_it_is() -> None:
    found = server()
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int, current_database()")
        number, name = cursor.fetchone()
    assert found.version == f"{number // 10_000}.{number % 10_000}"
    assert found.database == name
    assert f":{connection.connection.info.port}/{name}" in found.address
    assert found.size > 1_000_000


@pytest.mark.django_db
def test_asking_takes_the_time_of_a_connection_and_a_query() -> None:
    answer = ask()
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('max_connections')::int")
        [most] = cursor.fetchone()
    assert 0 < answer.query_ms < 10_000
    assert 0 < answer.connect_ms < 10_000
    assert 2 <= answer.connections <= most
    assert answer.max_connections == most
    assert answer.reserved_connections == 3
    assert (answer.read_only, answer.standby) == (False, False)


@pytest.mark.django_db
def test_asking_leaves_no_connection_behind(own: OwnDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "NAME", own.name)
    ask()
    count = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"
    with own.server() as other:  # the server's process ends a moment after the connection
        until(lambda: other.execute(count, [own.name]).fetchone() == (0,))


@pytest.mark.django_db
def test_asking_opens_no_other_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Django's own would be opened beside it, and its time be counted."""
    cached: list[Any] = [get_hstore_oids, get_citext_oids]
    for function in cached:
        function.cache_clear()
    opened: list[str] = []
    connect = psycopg.connect

    def noted(**wanted: Any) -> Any:
        opened.append(wanted["dbname"])
        return connect(**wanted)

    monkeypatch.setattr(psycopg, "connect", noted)
    ask()
    assert opened == [connection.settings_dict["NAME"]]


@pytest.mark.django_db
def test_asking_takes_no_connection_of_a_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool would hand out one that it has, and wait in its own way where it has none."""
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {"pool": {"min_size": 2, "max_size": 4}})
    pools = vars(DatabaseWrapper)["_connection_pools"]
    before = set(pools)
    assert ask(timeout=5).read_only is False
    assert set(pools) == before
    assert connection.settings_dict["OPTIONS"] == {"pool": {"min_size": 2, "max_size": 4}}


@pytest.mark.django_db
def test_a_database_that_refuses_writes_is_told_of(
    own: OwnDatabase, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own.run(f"ALTER DATABASE {own.name} SET default_transaction_read_only = on")
    monkeypatch.setitem(connection.settings_dict, "NAME", own.name)
    assert ask().read_only
    call_command("db", "test")
    assert capsys.readouterr().out.splitlines()[-1] == "Writable      no: it is read-only"


@pytest.mark.django_db
def test_a_role_that_may_not_look_at_others_counts_them_all_the_same(
    own: OwnDatabase, powerless: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {"options": f"-c role={powerless}"})
    others = [own.connect() for _number in range(5)]
    try:
        assert ask().connections >= 6
    finally:
        for other in others:
            other.close()


@pytest.mark.django_db
def test_a_database_that_is_not_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "NAME", "keystone_nowhere")
    with pytest.raises(NoAnswer):
        ask()
    with pytest.raises(CommandError) as raised:
        call_command("db", "test")
    said = str(raised.value)
    assert said.startswith("The database does not answer: ")
    assert 'database "keystone_nowhere" does not exist' in said
    assert "\n" not in said


@pytest.mark.django_db
def test_test_prints_it_for_people_and_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("db", "test")
    lines = capsys.readouterr().out.splitlines()
    names = ["Server", "Address", "Connected in", "Answered in", "Connections", "Writable"]
    assert [line[:12].strip() for line in lines] == names
    assert lines[0] == f"Server        PostgreSQL {server().version}"
    assert lines[-1] == "Writable      yes"
    call_command("db", "test", "--json")
    told = json.loads(capsys.readouterr().out)
    assert list(told) == [
        "version",
        "address",
        "connect_ms",
        "query_ms",
        "connections",
        "max_connections",
        "reserved_connections",
        "read_only",
        "standby",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("command", [["test"], ["status"], ["verify", "-r", "1"]])
def test_a_server_that_is_away_is_one_line_and_no_secret(own: OwnDatabase, command: list[str]) -> None:
    environment = own.environment(DATABASE_URL="postgresql://ada:hush@127.0.0.1:1/shop?sslpassword=hush")
    done = subprocess.run(
        [sys.executable, "manage.py", "db", *command],
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    begins = "Database error: " if command[0] == "status" else "The database does not answer: "
    assert done.stderr.splitlines()[-1].startswith(f"CommandError: {begins}")
    assert len(done.stderr.splitlines()) == (2 if command[0] == "verify" else 1)
    assert "hush" not in done.stderr


@pytest.mark.slow
def test_no_command_prints_what_is_secret_in_the_address(own: OwnDatabase) -> None:
    url = f"{own.url}&sslpassword=hush&options=-c%20application_name%3Dhush"
    for command in (["test"], ["status", "--json"], ["verify"]):
        status, said = own.manage("db", *command, DATABASE_URL=url)
        assert status == 0, said
        assert "hush" not in said
        assert "sslpassword=***" in said
        assert own.name in said
