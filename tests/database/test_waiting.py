"""Waiting for the database: `db verify`."""

import json
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from keystone.database.server import NoAnswer
from keystone.database.waiting import wait_for_database
from tests.database.own_database import OwnDatabase, make

pytestmark = pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning")


@pytest.fixture
def away(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnDatabase]:
    """A database that is not there, which Django's settings name."""
    own = make()
    own.drop()
    monkeypatch.setitem(connection.settings_dict, "NAME", own.name)
    yield own
    own.drop()


def test_it_waits_until_the_database_answers(away: OwnDatabase) -> None:
    told: list[str] = []

    def said(line: str) -> None:
        told.append(line)
        if len(told) == 2:
            with away.server() as maker:
                maker.execute(f'CREATE DATABASE "{away.name}" TEMPLATE template0'.encode())

    begun = time.monotonic()
    answer = wait_for_database(attempts=9, interval=0.2, said=said)
    assert time.monotonic() - begun >= 0.4
    assert away.name in answer.address
    assert [line.split(":")[0] for line in told] == ["Attempt 1 of 9", "Attempt 2 of 9"]


def test_it_gives_up_after_the_last_attempt(away: OwnDatabase) -> None:
    told: list[str] = []
    begun = time.monotonic()
    with pytest.raises(NoAnswer, match="does not exist"):
        wait_for_database(attempts=3, interval=0.1, said=told.append)
    assert len(told) == 3
    assert 0.2 <= time.monotonic() - begun < 20
    assert told[2].startswith("Attempt 3 of 3: The database does not answer: ")


@pytest.mark.parametrize(
    "options", [["--retries", "2", "--interval", "0.1", "--timeout", "3"], ["-r", "2", "-i", "0.1", "-t", "3"]]
)
def test_verify_says_each_attempt_and_fails(
    away: OwnDatabase, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    with pytest.raises(CommandError, match=r"^The database does not answer: .* does not exist$"):
        call_command("db", "verify", *options)
    written = capsys.readouterr()
    assert [line.split(":")[0] for line in written.err.splitlines()] == ["Attempt 1 of 2", "Attempt 2 of 2"]
    assert written.out == ""


@pytest.mark.django_db
def test_verify_prints_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("db", "verify")
    written = capsys.readouterr()
    assert written.out.startswith("Server        PostgreSQL ")
    assert written.err == ""
    call_command("db", "verify", "--json")
    assert json.loads(capsys.readouterr().out)["read_only"] is False


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["-r", "0"], "0 is not in the range x>=1"),
        (["-i", "-1"], "-1.0 is not in the range x>=0"),
        (["-t", "1"], "1.0 is not in the range x>=2"),
        (["-i", "nan"], "Give a number of seconds up to 1000000"),
        (["-t", "inf"], "Give a number of seconds up to 1000000"),
    ],
)
def test_verify_refuses_numbers_that_mean_nothing(options: list[str], error: str) -> None:
    with pytest.raises(CommandError, match=error):
        call_command("db", "verify", *options)


@pytest.mark.slow
def test_a_server_that_takes_connections_and_says_nothing_is_left_in_time(own_environment: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://ada@127.0.0.1:{silent.getsockname()[1]}/shop"
        begun = time.monotonic()
        done = subprocess.run(
            [sys.executable, "manage.py", "db", "verify", "-r", "1", "-t", "2"],
            cwd=settings.BASE_DIR,
            env={**own_environment, "DATABASE_URL": url},
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 1
    assert done.stderr.startswith("Attempt 1 of 1: The database does not answer: ")
    assert 2 <= time.monotonic() - begun < 60


@pytest.fixture
def own_environment(db: None) -> dict[str, str]:
    return OwnDatabase("unused", dict(connection.get_connection_params())).environment()


@pytest.mark.slow
def test_a_pooler_that_takes_connections_and_has_no_server_for_them_is_left_in_time(db: None) -> None:
    """It signs in, and answers no query."""
    arguments = connection.get_connection_params()
    with pooler() as port:
        url = f"postgresql://{arguments['user']}@127.0.0.1:{port}/{arguments['dbname']}?sslmode=disable"
        own = OwnDatabase(arguments["dbname"], dict(arguments))
        begun = time.monotonic()
        status, said = own.manage("db", "verify", "-r", "1", "-t", "2", DATABASE_URL=url)
        assert (status, time.monotonic() - begun < 60) == (1, True)
        line = "The database does not answer: it accepted the connection, but did not answer within 2 s"
        assert said.splitlines() == [f"Attempt 1 of 1: {line}", f"CommandError: {line}"]
        status, said = own.manage("db", "test", DATABASE_URL=f"{url}&connect_timeout=3")
        assert (status, said.splitlines()) == (1, [f"CommandError: {line.replace('2 s', '3 s')}"])


@contextmanager
def pooler() -> Iterator[int]:
    """Something that signs clients in as PostgreSQL does, and then says no word; the port it listens on."""
    fields = {"server_version": "18.1", "client_encoding": "UTF8", "TimeZone": "UTC"}
    greeting = _message(b"R", struct.pack("!I", 0))
    greeting += b"".join(_message(b"S", f"{name}\0{value}\0".encode()) for name, value in fields.items())
    greeting += _message(b"K", struct.pack("!II", 1, 2)) + _message(b"Z", b"I")

    def serve(listening: socket.socket, taken: list[socket.socket]) -> None:
        with suppress(OSError):  # the test is over
            while True:
                client, _address = listening.accept()
                taken.append(client)
                client.recv(65536)
                client.sendall(greeting)

    taken: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening, taken), daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()
    for client in taken:
        client.close()


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body
