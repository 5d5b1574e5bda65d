"""The served applications that `speed.py` compares, with the same people in each one's database."""

import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg

from benchmarks.load import ask, request
from tests.served.server import free_port

ROOT = Path(__file__).resolve().parent.parent
REFERENCES = Path(__file__).resolve().parent / "references"
WORKERS = 2
PASSWORD = "a long walk by the sea"  # noqa: S105 - of made-up people
START_LIMIT = 90.0  # seconds


@dataclass
class Site:
    """A served application.

    Attributes:
        command: what starts it, with `{port}` in the place of the port.
        paths: the paths of what it can do, by the kind of work.
        live: a path that answers without a sign-in once the application is loaded.
        headers: what each request carries.
        deep: the query string of a page in the middle of the list.
    """

    name: str
    command: list[str]
    environment: dict[str, str]
    paths: dict[str, str]
    live: str
    headers: dict[str, str] = field(default_factory=dict)
    folder: Path = ROOT
    token: str = ""
    deep: str = ""
    port: int = 0
    started_in: float = 0.0
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start it, and wait until it answers.

        Raises:
            RuntimeError: it ended or did not answer in time.
        """
        self.port = free_port()
        command = [part.format(port=self.port) for part in self.command]
        begun = time.perf_counter()
        self.process = subprocess.Popen(  # noqa: S603 - our own
            command, cwd=self.folder, env={**os.environ, **self.environment}, stdout=subprocess.DEVNULL
        )
        while True:
            with suppress(OSError, EOFError):
                if ask(self.port, request("GET", self.live, headers=self.headers))[0] < 500:
                    break
            if self.process.poll() is not None or time.perf_counter() - begun > START_LIMIT:
                raise RuntimeError(f"{self.name} does not answer")
            time.sleep(0.02)
        self.started_in = time.perf_counter() - begun

    def stop(self) -> None:
        """End it."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(40)

    def processes(self) -> list[psutil.Process]:
        """Return its processes."""
        assert self.process is not None  # noqa: S101 - it was started
        main = psutil.Process(self.process.pid)
        return [main, *main.children(recursive=True)]

    def cpu(self) -> float:
        """Return the CPU seconds that its processes have used."""
        return _cpu(self.processes())

    def memory(self) -> float:
        """Return the memory of its processes in MiB, of which shared pages count once (PSS)."""
        return float(sum(process.memory_full_info().pss for process in self.processes())) / 2**20


def database_cpu(url: str) -> float:
    """Return the CPU seconds that the PostgreSQL server of this machine has used, with its ended processes."""
    with psycopg.connect(url) as connection:
        main = psutil.Process(connection.info.backend_pid).parent()
    if main is None:
        return 0.0
    times = main.cpu_times()
    ended = float(times.children_user + times.children_system)
    return ended + _cpu([main, *main.children(recursive=True)])


def _cpu(processes: list[psutil.Process]) -> float:
    used = 0.0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            used += times.user + times.system
    return used


def reference_python() -> str:
    """Return the interpreter of the environment of the references, made on first use in the data folder."""
    from keystone.environment import env

    folder = env.data_folder() / "benchmark-references"
    python = folder / "bin" / "python"
    uv = shutil.which("uv") or shutil.which(ROOT / ".uv/bin/uv")
    if not uv:
        raise RuntimeError("There is no uv. Run bash scripts/test.sh once: it gets it.")
    if not python.exists():
        subprocess.run(  # noqa: S603 - our own
            [uv, "venv", "--quiet", "--python", sys.executable, str(folder)], check=True
        )
    requirements = str(REFERENCES / "requirements.txt")
    subprocess.run(  # noqa: S603 - our own
        [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python), "-r", requirements], check=True
    )
    return str(python)


def keystone(url: str, folder: Path) -> Site:
    """Return Keystone as in production, with limits that one machine's requests do not reach."""
    environment = {
        "ENVIRONMENT": "production",
        "DJANGO_SETTINGS_MODULE": "config.settings.production",
        "SECRET_KEY": "speed-" + "k7" * 30,
        "DATABASE_URL": url,
        "DATA_DIR": str(folder),
        "ALLOWED_HOSTS": "localhost",
        "PUBLIC_URL": "https://localhost",
        "TRUSTED_PROXIES": "1",
        "TWO_FACTOR_REQUIRED": "false",
        "ACCESS_TOKEN_EXPIRE_MINUTES": "600",
        "SMTP_HOST": "127.0.0.1",
        "EMAILS_FROM_EMAIL": "keystone@example.com",
        **dict.fromkeys(
            (
                "ATTEMPTS_PER_ADDRESS_AND_IP",
                "ATTEMPTS_PER_ADDRESS",
                "ATTEMPTS_PER_IP",
                "REQUESTS_PER_IP",
                "CHANGES_PER_PERSON",
            ),
            "100000000",
        ),
    }
    return Site(
        "keystone",
        [sys.executable, "manage.py", "server", "run", "--port", "{port}", "--workers", str(WORKERS)],
        environment,
        {
            "me": "/api/me/",
            "login": "/api/auth/login/",
            "refresh": "/api/auth/refresh/",
            "register": "/api/auth/register/",
            "list": "/api/users/",
        },
        "/api/health/live/",
        {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7", "X-Request-ID": "speed-benchmark"},
    )


def djoser(url: str, python: str) -> Site:
    """Return djoser on gunicorn, with threads."""
    gunicorn = [python, "-m", "gunicorn", "--workers", str(WORKERS), "--threads", "4", "--log-level", "error"]
    return Site(
        "djoser",
        [*gunicorn, "--bind", "127.0.0.1:{port}", "djoser_site:application"],
        {"DATABASE_URL": url},
        {"me": "/auth/users/me/", "login": "/auth/jwt/create/", "register": "/auth/users/", "list": "/auth/users/"},
        "/auth/users/",
        folder=REFERENCES,
    )


def fastapi(url: str, python: str) -> Site:
    """Return FastAPI on uvicorn."""
    uvicorn = [python, "-m", "uvicorn", "--workers", str(WORKERS), "--log-level", "error", "--no-access-log"]
    return Site(
        "fastapi",
        [*uvicorn, "--port", "{port}", "fastapi_site:app"],
        {"DATABASE_URL": url},
        {"me": "/me", "login": "/login", "register": "/register", "list": "/users"},
        "/openapi.json",
        folder=REFERENCES,
    )


def noop() -> Site:
    """Return the application that does nothing, on Keystone's server."""
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--port", "{port}", "--workers", str(WORKERS)]
    return Site(
        "no-op",
        [*command, "--no-ws", "--log-level", "error", "benchmarks.references.noop:application"],
        {"PYTHONPATH": str(ROOT)},
        {"me": "/"},
        "/",
    )
