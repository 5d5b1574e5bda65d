"""What runs beside the web server on a developer's machine: a worker and a scheduler, in processes of their own.

They end with it, are started anew when a file changes, and when they have ended by themselves.
"""

import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.utils.translation import gettext

COMMANDS = {
    "worker": ("worker", "--shutdown-timeout", "5"),
    "scheduler": ("scheduler",),
}
LOOK_EVERY = 1.0  # seconds
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0  # seconds before what has ended is started again
SETTLED = 30.0  # seconds after which a start counts as good
END_WITHIN = 10.0  # seconds
WATCHED = {".py", ".html", ".mjml", ".txt", ".mo"}
PASSED_OVER = {"tests", "__pycache__", "static"}


class Companion:
    """One command of `manage.py`, kept running."""

    def __init__(self, name: str, command: Iterable[str]) -> None:
        self.name = name
        self.command = [sys.executable, str(Path(sys.argv[0]).resolve()), *command]
        self.process: subprocess.Popen[bytes] | None = None
        self.wait = FIRST_WAIT
        self.start_at = 0.0

    def look(self) -> None:
        """Start it where it does not run and its wait is over; tell when it has ended by itself."""
        now = time.monotonic()
        if self.process is not None and (code := self.process.poll()) is not None:
            self.process = None
            if now - self.start_at > SETTLED:
                self.wait = FIRST_WAIT
            self.start_at = now + self.wait
            text = gettext("The %(name)s has ended by itself (code %(code)s). It is started again in %(seconds)d s.")
            sys.stderr.write(text % {"name": self.name, "code": code, "seconds": self.wait} + "\n")
            self.wait = min(self.wait * 2, LONGEST_WAIT)
        if self.process is None and now >= self.start_at:
            self.start_at = now
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL)  # noqa: S603 - our own command

    def ask_to_end(self) -> None:
        """Ask it to end in order."""
        if self.process is not None:
            self.process.terminate()

    def await_end(self) -> None:
        """Wait for its end, and enforce it where it does not come."""
        process, self.process = self.process, None
        if process is not None:
            try:
                process.wait(timeout=END_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def may_start(self) -> None:
        """Start it at the next look, whatever happened before."""
        self.wait, self.start_at = FIRST_WAIT, 0.0


class Companions:
    """All of them, looked after from a thread."""

    def __init__(self) -> None:
        self._companions = [Companion(name, command) for name, command in COMMANDS.items()]
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._look_after, name="companions", daemon=True)
        self._started = False

    def start(self) -> None:
        """Start them."""
        self._started = True
        self._thread.start()

    def stop(self) -> None:
        """End them, and wait for it."""
        self._ending.set()
        if self._started:
            self._thread.join()
        self._end()

    def _look_after(self) -> None:
        folders = list(watched_folders())
        seen = snapshot(folders)
        while not self._ending.is_set():
            for companion in self._companions:
                companion.look()
            self._ending.wait(LOOK_EVERY)
            now = snapshot(folders)
            if now != seen and not self._ending.is_set():
                seen = now
                self._end()
                for companion in self._companions:
                    companion.may_start()

    def _end(self) -> None:
        for companion in self._companions:
            companion.ask_to_end()
        for companion in self._companions:
            companion.await_end()


def watched_folders() -> list[Path]:
    """The folders of the project: its apps, its settings, its templates. Packages that are installed do not change."""
    base = Path(settings.BASE_DIR)
    own = {Path(app.path) for app in apps.get_app_configs() if Path(app.path).is_relative_to(base)}
    folders = {folder for folder in own if "site-packages" not in folder.parts}
    return sorted(folders | {base / "config", base / "templates"})


def snapshot(folders: Iterable[Path]) -> dict[Path, int]:
    """When each file that matters was last changed."""
    times: dict[Path, int] = {}
    for folder in folders:
        for file in _files(folder):
            try:
                times[file] = file.stat().st_mtime_ns
            except FileNotFoundError:  # an editor has just replaced it
                times[file] = 0
    return times


def _files(folder: Path) -> Iterator[Path]:
    for above, folders, files in folder.walk():
        folders[:] = [name for name in folders if name not in PASSED_OVER]
        yield from (above / name for name in files if Path(name).suffix in WATCHED)
