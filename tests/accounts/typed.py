"""A terminal in which a command of `manage.py` runs, and somebody who reads and types."""

import fcntl
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from typing import Self

from django.conf import settings

LIMIT = 60  # seconds; machines that run tests are often busy
PATIENCE = 10  # seconds until a key is pressed once more


def _as_of_a_shell() -> None:
    """Take the terminal, and hear Ctrl-C again where the tests run in the background, which does not."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Terminal:
    """A command with a terminal of its own, as a shell or `docker compose exec` gives it one.

    Args:
        arguments: of `manage.py`.
        environment: of the process.
    """

    def __init__(self, *arguments: str, environment: dict[str, str]) -> None:
        self._own, theirs = pty.openpty()
        self.shown = ""
        self._read_to = 0
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=settings.BASE_DIR,
            env={**environment, "TERM": "dumb", "COLUMNS": "200"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=_as_of_a_shell,  # noqa: PLW1509 - nothing else runs in between
        )
        os.close(theirs)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(timeout=LIMIT)
        os.close(self._own)

    def answer(self, question: str, text: str) -> None:
        """Wait for a question, then type a line."""
        self.wait_for(question)
        os.write(self._own, text.encode() + b"\n")

    def break_off(self, question: str, key: bytes) -> int:
        """Wait for a question, then press a key that ends the command, such as Ctrl-C.

        It is pressed again where nothing comes of it: readline misses one that comes just before it begins to wait.

        Returns:
            The command's exit status.
        """
        self.wait_for(question)
        os.write(self._own, key)
        try:
            self.wait_for("Aborted!", seconds=PATIENCE)
        except AssertionError:
            os.write(self._own, key)
            self.wait_for("Aborted!")
        return self.end()

    def wait_for(self, text: str, *, seconds: float = LIMIT) -> None:
        """Wait until something is shown that was not waited for before."""
        deadline = time.monotonic() + seconds
        while (place := self.shown.find(text, self._read_to)) < 0:
            if not self._read(deadline):
                raise AssertionError(f"{text!r} was not shown: {self.shown}")
        self._read_to = place + len(text)

    def end(self) -> int:
        """Wait until the command ends.

        Returns:
            Its exit status.
        """
        deadline = time.monotonic() + LIMIT
        while self._read(deadline):
            pass
        return self.process.wait(timeout=LIMIT)

    def _read(self, deadline: float) -> bool:
        """Read what is shown next; False where nothing comes any more."""
        ready, _, _ = select.select([self._own], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return False
        try:
            more = os.read(self._own, 65536)
        except OSError:  # Linux says so where nobody has the other end open
            return False
        self.shown += more.decode(errors="replace").replace("\r\n", "\n")
        return bool(more)
