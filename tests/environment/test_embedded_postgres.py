"""The embedded server, with processes of its own: shared, forgotten by the dead, stopped by the last."""

import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from django.db.utils import OperationalError

from keystone.environment import embedded_postgres
from keystone.environment.env import BASE_DIR

# Uses the server until its standard input ends; says where the socket is.
USER = """
import sys
from pathlib import Path
from keystone.environment import embedded_postgres
print(embedded_postgres.start(Path(sys.argv[1]), database="keystone", fsync=False), flush=True)
sys.stdin.read()
"""
PATIENCE = 60  # seconds


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder that every user may reach, which pytest's own folders are not, with white space in its path."""
    place = Path(tempfile.mkdtemp(prefix="keystone test ", dir="/tmp"))
    yield place / "postgres"
    server = _server(place / "postgres")
    if server is not None:
        server.terminate()
        server.wait(PATIENCE)
    shutil.rmtree(place)


def _use(folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", USER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=BASE_DIR,
        env={**os.environ, "PGPORT": "1", "LC_ALL": "xx_XX.UTF-8", "PGOPTIONS": ""},  # a shell's own, and in the way
    )


def _socket(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    assert select.select([process.stdout], [], [], PATIENCE)[0], "the server did not start in time"
    return process.stdout.readline().strip()


def _end(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    assert process.wait(PATIENCE) == 0
    process.stdout.close()


def _server(folder: Path) -> psutil.Process | None:
    try:
        process = psutil.Process(int((folder / "postmaster.pid").read_text().split("\n", 1)[0]))
    except (FileNotFoundError, psutil.NoSuchProcess):
        return None
    return process if process.status() != psutil.STATUS_ZOMBIE else None


@pytest.mark.slow
def test_two_processes_share_it_and_the_last_one_stops_it(folder: Path) -> None:
    first, second = _use(folder), _use(folder)
    assert _socket(first) == _socket(second)
    server = _server(folder)
    _end(first)
    assert server is not None
    assert _server(folder) == server
    _end(second)
    assert _server(folder) is None


@pytest.mark.slow
def test_killed_processes_are_forgotten(folder: Path) -> None:
    killed, other = _use(folder), _use(folder)
    assert _socket(killed) == _socket(other)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    _end(other)
    assert _server(folder) is None


@pytest.mark.slow
def test_a_server_that_everybody_left_by_being_killed_is_joined_again(folder: Path) -> None:
    killed = _use(folder)
    socket = _socket(killed)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    left = _server(folder)
    assert left is not None
    again = _use(folder)
    assert _socket(again) == socket
    assert _server(folder) == left
    _end(again)
    assert _server(folder) is None


@pytest.mark.slow
def test_a_stale_process_file_of_a_killed_server_does_no_harm(folder: Path) -> None:
    process = _use(folder)
    _socket(process)
    server = _server(folder)
    assert server is not None
    for child in [*server.children(), server]:
        with suppress(psutil.NoSuchProcess):  # each takes others with it
            child.kill()
    _end(process)
    # The number may be somebody else's by now, as it often is after a restart of a container.
    file = folder / "postmaster.pid"
    file.write_text(file.read_text().replace(str(server.pid), str(os.getpid()), 1))
    again = _use(folder)
    assert _socket(again) != ""
    _end(again)
    assert _server(folder) is None


def test_a_folder_that_cannot_be_used_is_told_in_one_line(folder: Path) -> None:
    folder.mkdir()
    (folder / "PG_VERSION").write_text("15\n")
    with pytest.raises(OperationalError) as caught:
        embedded_postgres.start(folder, database="keystone")
    message = str(caught.value)
    assert "its files are those of PostgreSQL 15, this is PostgreSQL 18" in message
    assert str(folder) in message
    assert "\n" not in message


@pytest.mark.slow
def test_a_making_that_was_interrupted_begins_anew(folder: Path) -> None:
    unfinished = folder.with_name("postgres.unfinished")
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")
    process = _use(folder)
    assert _socket(process) != ""
    _end(process)
    assert not unfinished.exists()
