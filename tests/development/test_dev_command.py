"""`manage.py dev`, run as a developer runs it: started, looked at, ended, started again."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from django.conf import settings

from tests.served.server import free_port

PATIENCE = 120  # seconds; the machine may be busy
SCRUBBED = (
    "POSTGRES_",
    "DATABASE_URL",
    "REDIS_",
    "CACHE_ENABLED",
    "PUBLIC_URL",
    "MAIL_FOLDER",
    "DJANGO_SETTINGS",
)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A place for the data that the database's user may reach, which pytest's own folders are not."""
    place = Path(tempfile.mkdtemp(prefix="keystone-test-", dir="/tmp"))
    yield place
    shutil.rmtree(place)


@pytest.fixture
def port() -> int:
    return free_port()


def _start(
    folder: Path, *arguments: str, code: Path = Path(settings.BASE_DIR), **variables: str
) -> "subprocess.Popen[str]":
    environment = {key: value for key, value in os.environ.items() if not key.startswith(SCRUBBED)}
    return subprocess.Popen(
        [sys.executable, "manage.py", "dev", *arguments],
        cwd=code,
        env={**environment, "ENVIRONMENT": "local", "DATA_DIR": str(folder), "SMTP_HOST": "", **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _await_page(process: "subprocess.Popen[str]", address: str) -> str:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=PATIENCE) as answer:  # noqa: S310 - our own http address
                return str(answer.read().decode())
        except urllib.error.HTTPError:
            raise
        except OSError:
            time.sleep(0.1)
    process.kill()
    pytest.fail(f"no answer: {process.communicate()[0]}")


def _await_mail(folder: Path, port: int) -> None:
    """Register somebody, and wait for their mail, which the worker sends."""
    body = json.dumps({"email": "zoe@example.org", "password": "a very good long one", "first_name": "Zoe"}).encode()
    headers = {"Content-Type": "application/json"}
    address = f"http://127.0.0.1:{port}/api/auth/register/"
    request = urllib.request.Request(address, body, headers)
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310 - our own http address
        assert answer.status == 202
    end = time.monotonic() + PATIENCE
    while not any("zoe@example.org" in path.read_text() for path in (folder / "mails").glob("*.eml")):
        assert time.monotonic() < end
        time.sleep(0.05)


def _processes(folder: Path) -> list[list[str]]:
    """The command lines that name the folder."""
    lines = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    return [line for line in lines if any(str(folder) in word for word in line)]


def _left_over(folder: Path) -> list[list[str]]:
    """What still runs. PostgreSQL says that it has stopped some milliseconds before its process is gone."""
    end = time.monotonic() + 5
    while (found := _processes(folder)) and time.monotonic() < end:
        time.sleep(0.05)
    return found


@pytest.mark.served
def test_dev_starts_serves_ends_and_starts_again(folder: Path, port: int) -> None:
    process = _start(folder, "--port", str(port))
    page = _await_page(process, f"http://127.0.0.1:{port}/admin/login/")
    assert "csrfmiddlewaretoken" in page
    assert _processes(folder) != []
    _await_mail(folder, port)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=PATIENCE)[0]
    assert process.returncode == 0
    assert _left_over(folder) == []
    assert not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children)
    for line in (
        "Created 43 sample people.",
        f"http://localhost:{port}/admin/",
        f"http://localhost:{port}/docs/",
        f"http://localhost:{port}/dev/mails/",
        "admin@example.com  Admin@1234",
    ):
        assert line in said
    mails = "".join(path.read_text() for path in (folder / "mails").glob("*.eml"))
    assert "is ready: queues all" in said
    assert len(list((folder / "mails").glob("*.eml"))) == 5
    assert f"http://localhost:{port}/" in mails
    assert "http://localhost:8000" not in mails

    again = _start(folder, "--port", str(port))
    _await_page(again, f"http://127.0.0.1:{port}/admin/login/")
    again.send_signal(signal.SIGTERM)
    said = again.communicate(timeout=PATIENCE)[0]
    assert _left_over(folder) == []
    assert "Created" not in said
    assert "Applied" not in said
    assert len(list((folder / "mails").glob("*.eml"))) == 5


@pytest.mark.served
def test_dev_makes_no_sample_people_where_it_is_told_not_to(folder: Path, port: int) -> None:
    process = _start(folder, "--port", str(port), "--no-sample-data")
    _await_page(process, f"http://127.0.0.1:{port}/admin/login/")
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=PATIENCE)[0]
    assert "Created" not in said
    assert "or as staff" not in said
    assert "admin@example.com  Admin@1234" in said
    assert _left_over(folder) == []


@pytest.mark.served
def test_dev_recovers_when_broken_settings_are_mended(folder: Path, port: int, tmp_path: Path) -> None:
    base = Path(settings.BASE_DIR)
    shutil.copytree(base / "config", tmp_path / "config", ignore=shutil.ignore_patterns("tests", "__pycache__"))
    shutil.copy(base / "manage.py", tmp_path)
    (tmp_path / "templates").mkdir()
    broken = tmp_path / "config" / "settings" / "local.py"
    right = broken.read_text()
    page = f"http://127.0.0.1:{port}/admin/login/"
    process = _start(folder, "--port", str(port), "--no-sample-data", code=tmp_path, PYTHONPATH=str(base))
    try:
        _await_page(process, page)
        broken.write_text(right + "DEBUG = (\n")
        _await_end_of_web_server(process.pid)
        broken.write_text(right)
        _await_page(process, page)
    finally:
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=PATIENCE)[0]
    assert process.returncode == 0
    assert "SyntaxError: '(' was never closed" in said
    assert "The web server has exited (status 1). It will be restarted in 1 s or after a change." in said
    assert "local.py changed: restarting" in said
    assert _left_over(folder) == []


def _await_end_of_web_server(pid: int) -> None:
    """Wait until the one that could not start has ended: none runs for longer than a restart leaves a gap."""
    end, looks_without = time.monotonic() + PATIENCE, 0
    while looks_without < 5:
        assert time.monotonic() < end
        found = [process.info for process in psutil.process_iter(["cmdline", "ppid"])]  # zombies have no command line
        lines = [info["cmdline"] or [] for info in found if info["ppid"] == pid]
        looks_without = 0 if any("runserver" in line for line in lines) else looks_without + 1
        time.sleep(0.1)


def _refusal(process: "subprocess.Popen[str]") -> str:
    said = process.communicate(timeout=PATIENCE)[0].strip()
    assert process.returncode == 1
    assert said.count("\n") == 0, said
    return said


@pytest.mark.slow
def test_dev_tells_of_a_taken_port(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = _refusal(_start(folder, "--port", str(port)))
    assert f"Port {port} is in use." in said
    assert f"--port {port + 1}" in said
    assert _left_over(folder) == []


@pytest.mark.slow
def test_dev_tells_of_an_unreachable_database_without_its_password(folder: Path, port: int) -> None:
    address = f"postgresql://keystone:s%40cret@127.0.0.1:{port}/keystone"
    said = _refusal(_start(folder, "--port", str(port), DATABASE_URL=address))
    assert "127.0.0.1" in said
    assert str(port) in said
    assert "cret" not in said


@pytest.mark.slow
def test_dev_refuses_outside_the_local_environment(folder: Path, port: int) -> None:
    said = _refusal(_start(folder, "--port", str(port), ENVIRONMENT="testing"))
    assert "ENVIRONMENT=local" in said
