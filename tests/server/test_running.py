"""`server run`: what it refuses, and that it becomes the server, which ends in order."""

import contextlib
import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from keystone.server import running
from keystone.server.ports import PortUnavailable
from keystone.server.running import NoReload, Served, Unprotected, check, command, surroundings_of
from tests.served.server import free_port
from tests.server.conftest import PATIENCE, Product

pytestmark = pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning")


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


def test_a_port_that_is_taken_is_told_in_one_line(taken: int) -> None:
    with pytest.raises(CommandError) as refusal:
        call_command("server", "run", "--port", str(taken))
    other = taken + 1
    assert str(refusal.value) == f"Port {taken} is in use. Stop what uses it, or choose another one: --port {other}"


@pytest.mark.parametrize(
    ("host", "line"),
    [
        ("a..b", "There is no host a..b."),
        ("192.0.2.1", "192.0.2.1 is not an address of this machine."),
    ],
)
def test_a_host_that_is_not_here_is_told(host: str, line: str) -> None:
    with pytest.raises(PortUnavailable) as refusal:
        check(Served(host=host, port=free_port()))
    assert refusal.value.detail == line


def test_strangers_reach_no_server_that_was_not_told_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keystone.environment.env.sources", {"ENVIRONMENT": "default"})
    with pytest.raises(Unprotected, match=r"^ENVIRONMENT is not set"):
        check(Served(host="0.0.0.0", port=free_port()))  # noqa: S104 - which is refused
    assert check(Served(host="localhost", port=free_port())) in {"127.0.0.1", "::1"}
    monkeypatch.setattr("keystone.environment.env.sources", {})
    assert check(Served(host="0.0.0.0", port=free_port())) == "0.0.0.0"  # noqa: S104 - listened on for a moment


def test_reloading_is_for_development(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    served = Served(port=free_port(), reload=True)
    with pytest.raises(NoReload, match=r"^--reload is for development: it runs in the local environment only"):
        check(served)
    settings.DEBUG = True
    settings.ENVIRONMENT = "production"
    with pytest.raises(NoReload, match="local environment only"):
        check(served)
    settings.ENVIRONMENT = "local"
    monkeypatch.setattr(running, "find_spec", lambda _name: None)
    with pytest.raises(NoReload, match=r"needs the package watchfiles: uv add --group dev 'granian\[reload\]'$"):
        check(served)
    monkeypatch.setattr(running, "find_spec", lambda _name: find_spec("granian"))
    assert check(served) == "127.0.0.1"


def test_the_command_line_is_granians(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRANIAN_LOG_CONFIG", raising=False)
    monkeypatch.delenv("GRANIAN_WORKERS_KILL_TIMEOUT", raising=False)
    monkeypatch.delenv("GRANIAN_RESPAWN_INTERVAL", raising=False)
    monkeypatch.delenv("GRANIAN_BLOCKING_THREADS", raising=False)
    settings.LOG_FORMAT = "lines"
    begin = [sys.executable, "-m", "granian", "--interface", "wsgi", "config.wsgi:application", "--host"]
    end = ["--port", "8000", "--workers", "1", "--workers-kill-timeout", "25"]
    end += ["--blocking-threads", "256", "--respawn-interval", "20"]
    assert command(Served(), "127.0.0.1") == [*begin, "127.0.0.1", *end]
    monkeypatch.setenv("GRANIAN_WORKERS_KILL_TIMEOUT", "7")
    monkeypatch.setenv("GRANIAN_RESPAWN_INTERVAL", "5")
    monkeypatch.setenv("GRANIAN_BLOCKING_THREADS", "9")
    settings.LOG_FORMAT = "json"
    served = Served(port=1, workers=3, log_level="error")
    file = str(settings.BASE_DIR / "keystone" / "server" / "granian_logs.json")
    assert command(served, "::")[7:] == [
        *("::", "--port", "1", "--workers", "3", "--log-level", "error", "--log-config", file)
    ]
    reloading = command(Served(reload=True), "::")
    options = reloading[reloading.index("--reload") + 1 :]
    watched = options[1::2]
    assert options[::2] == ["--reload-paths"] * len(watched)
    assert {str(settings.BASE_DIR / name) for name in ("config", "keystone", "project")} <= set(watched)
    assert str(settings.BASE_DIR / ".data") not in watched


def test_a_developers_server_is_named_by_its_port(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PUBLIC_URL", raising=False)
    monkeypatch.setattr("keystone.environment.env.sources", {"PUBLIC_URL": "default"})
    settings.ENVIRONMENT = "local"
    assert surroundings_of(Served(port=8001))["PUBLIC_URL"] == "http://localhost:8001"
    settings.ENVIRONMENT = "production"
    assert "PUBLIC_URL" not in surroundings_of(Served(port=8001))
    settings.ENVIRONMENT = "local"
    monkeypatch.setenv("PUBLIC_URL", "https://a.test")
    monkeypatch.setattr("keystone.environment.env.sources", {})
    assert surroundings_of(Served(port=8001))["PUBLIC_URL"] == "https://a.test"


@pytest.mark.parametrize(
    ("option", "value", "line"),
    [
        ("--port", "0", "0 is not in the range 1<=x<=65535."),
        ("--workers", "0", "0 is not in the range 1<=x<=256."),
        ("--log-level", "loud", "'loud' is not one of 'debug', 'info', 'warning', 'error', 'critical'."),
    ],
)
def test_impossible_options_are_refused(option: str, value: str, line: str) -> None:
    with pytest.raises(CommandError) as refusal:
        call_command("server", "run", option, value)
    assert str(refusal.value) == line


@pytest.mark.served
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_becomes_the_server_and_signals_reach_it(product: Product, number: signal.Signals) -> None:
    port = free_port()
    product.write(".env.local", "PROJECT_NAME=From a file\n")
    url = "postgresql://nobody@127.0.0.1:1/none"  # the server lives without its database
    arguments = ("run", "--port", str(port), "--host", "localhost", "--workers", "2", "--log-level", "info")
    log = product.folder / "log"
    with log.open("wb") as output:
        process = product.start(*arguments, output=output, DATABASE_URL=url)
    try:
        assert _get(process, port, "/api/health/live/") == {"status": "ok"}, log.read_text()
        line = Path(f"/proc/{process.pid}/cmdline").read_text().split("\0")
        assert line[1:3] == ["-m", "granian"]
        inherited = Path(f"/proc/{process.pid}/environ").read_text().split("\0")
        assert "ENVIRONMENT=local" in inherited
        assert not any(pair.startswith("PROJECT_NAME=") for pair in inherited)  # the workers read the file themselves
        process.send_signal(number)
        assert process.wait(timeout=PATIENCE) == 0
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE)
    assert "Shutting down granian" in log.read_text()


@pytest.mark.served
def test_a_server_that_is_told_to_end_while_it_starts_ends(product: Product) -> None:
    log = product.folder / "log"
    url = "postgresql://nobody@127.0.0.1:1/none"
    with log.open("wb") as output:
        arguments = ("run", "--port", str(free_port()), "--workers", "2")
        # A worker that still loads the application has its main process's handlers, and loses the signal.
        process = product.start(*arguments, output=output, DATABASE_URL=url, GRANIAN_WORKERS_KILL_TIMEOUT="2")
    try:
        end = time.monotonic() + PATIENCE
        while "Spawning worker-2" not in log.read_text() and time.monotonic() < end:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=PATIENCE) == 0, log.read_text()
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE)
    assert "Killing worker-" in log.read_text()


def _get(process: "subprocess.Popen[str]", port: int, path: str) -> object:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        client = http.client.HTTPConnection("localhost", port, timeout=10)
        with contextlib.closing(client), contextlib.suppress(OSError, http.client.HTTPException):
            client.request("GET", path)
            return json.loads(client.getresponse().read())
        time.sleep(0.2)
    return None
