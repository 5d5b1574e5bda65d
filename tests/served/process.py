"""`manage.py worker` and `manage.py scheduler` as processes of their own, on the test's database."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from django.conf import settings

from tests.served.server import START_LIMIT, process_environment

Condition = Callable[[], object]


class ManagedProcess:
    """A command of `manage.py` that runs until it is told to stop.

    Args:
        folder: for its log, its health file and its mails.
        command: such as `worker`.
        arguments: of the command.
        mail_folder: where its mails go, when that is a server's.
        environment: beside the tests' settings.
    """

    def __init__(
        self,
        folder: Path,
        command: str,
        *arguments: str,
        mail_folder: Path | None = None,
        environment: dict[str, str] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.command = command
        self.arguments = arguments
        self.log = folder / f"{command}.log"
        self.health_file = folder / f"{command}.ready"
        self.mail_folder = mail_folder or folder / "mails"
        self.environment = environment or {}

    def start(self, *, wait: bool = True) -> Self:
        """Start, and wait until it is ready."""
        self.health_file.unlink(missing_ok=True)
        environment = process_environment(self.mail_folder, {"TEST_TASKS": "queue", **self.environment})
        command = [sys.executable, "manage.py", self.command, "--health-file", str(self.health_file), *self.arguments]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment, stdout=log, stderr=log)
        if wait:
            self.wait_until_ready()
        return self

    def wait_until_ready(self) -> None:
        """Wait for the file that says so."""
        try:
            until(self.health_file.exists, seconds=START_LIMIT, alive=self)
        except AssertionError:
            self.kill()
            raise

    @property
    def said(self) -> str:
        """Its log so far."""
        return self.log.read_text()

    @property
    def is_running(self) -> bool:
        """Whether the process is there; a stopped one is."""
        return self.process.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Send a signal, such as SIGSTOP or SIGCONT."""
        os.kill(self.process.pid, number)

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.process.wait(timeout=20)

    def terminate(self, *, seconds: float = 60) -> int:
        """Ask it to end, wait, and give its exit code."""
        self.send(signal.SIGCONT)
        self.process.terminate()
        return self.process.wait(timeout=seconds)

    def stop(self) -> None:
        """End it whatever its state, at the end of a test."""
        if self.is_running:
            try:
                self.terminate(seconds=20)
            except subprocess.TimeoutExpired:
                self.kill()


def until(condition: Condition, *, seconds: float = 30, alive: ManagedProcess | None = None) -> float:
    """Wait for a condition, and give the seconds that it took.

    Raises:
        AssertionError: it did not come; with the log of the process that was to live meanwhile.
    """
    begun = time.monotonic()
    while not condition():
        waited = time.monotonic() - begun
        if alive is not None and not alive.is_running:
            raise AssertionError(f"the process has ended: {alive.said}")
        if waited > seconds:
            raise AssertionError(f"nothing in {waited:.1f} s. {alive.said if alive else ''}")
        time.sleep(0.02)
    return time.monotonic() - begun
