"""Supervise the development processes: restart them when a file changes or they exit.

Django's reloader is not used: it exits when the settings can't be imported, and polls every file of every installed
package.
"""

import logging
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.utils.translation import gettext

LOOK_EVERY = 0.05  # seconds
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0  # seconds before a process that has exited is restarted
SETTLED = 30.0  # seconds after which a start counts as successful
END_WITHIN = 10.0  # seconds before a process that was told to stop is killed
ONE_SAVE = 0.4  # seconds within which changes belong together, such as when an editor saves all files
SHOWN = 3  # names of changed files to show
WATCHED = {".py", ".html", ".mjml", ".txt", ".mo"}
PASSED_OVER = {"tests", "__pycache__", "static"}

logging.getLogger("watchfiles").setLevel(logging.WARNING)  # it counts changes; we name them
logger = logging.getLogger(__name__)


class Child:
    """A command of `manage.py` that is kept running."""

    def __init__(self, name: str, command: Iterable[str]) -> None:
        self.name = name
        self.command = [sys.executable, str(Path(sys.argv[0]).resolve()), *command]
        self.process: subprocess.Popen[bytes] | None = None
        self._wait = FIRST_WAIT
        self._start_at = 0.0
        self._kill_at: float | None = None  # set once it was told to stop

    @property
    def is_running(self) -> bool:
        """Whether it is running and was not told to stop."""
        return self.process is not None and self._kill_at is None

    def look(self, *, may_start: bool = True) -> None:
        """Start it if it isn't running and its wait is over. Report it if it has exited by itself."""
        now = time.monotonic()
        if self.process is not None:
            self._reap(self.process, now)
        if self.process is None and may_start and now >= self._start_at:
            self._start_at = now
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL)  # noqa: S603 - our own command

    def restart(self) -> None:
        """Tell it to stop. A later call of `look()` starts it again without waiting."""
        self._wait, self._start_at = FIRST_WAIT, 0.0
        self._terminate()

    def end(self) -> None:
        """Tell it to stop, wait until it has, and kill it if it takes too long."""
        self._terminate()
        while self.process is not None:
            self._reap(self.process, time.monotonic())
            time.sleep(0.02)

    def _terminate(self) -> None:
        if self.process is not None and self._kill_at is None:
            self.process.terminate()
            self._kill_at = time.monotonic() + END_WITHIN

    def _reap(self, process: "subprocess.Popen[bytes]", now: float) -> None:
        code = process.poll()
        if code is None:
            if self._kill_at is not None and now > self._kill_at:
                process.kill()
            return
        self.process = None
        if self._kill_at is not None:
            self._kill_at = None
            return
        if now - self._start_at > SETTLED:
            self._wait = FIRST_WAIT
        self._start_at = now + self._wait
        text = gettext(
            "The %(name)s has exited (status %(code)s). It will be restarted in %(seconds)d s or after a change."
        )
        sys.stderr.write(text % {"name": self.name, "code": code, "seconds": self._wait} + "\n")
        self._wait = min(self._wait * 2, LONGEST_WAIT)


def supervise(server: Child, others: list[Child], *, port: int) -> None:
    """Run the processes until Ctrl-C or SystemExit, and stop them with this one.

    The web server starts first, so that changes are visible as soon as possible. The others start once it serves.

    Args:
        server: the web server, which listens on `port` on this machine.
        others: the other processes.
    """
    from watchfiles import watch  # a development dependency

    changes = watch(
        *watched_folders(),
        watch_filter=lambda _change, path: is_watched(Path(path)),
        debounce=int(ONE_SAVE * 1000),
        rust_timeout=int(LOOK_EVERY * 1000),
        yield_on_timeout=True,
    )
    serves = False
    try:
        for changed in changes:
            if changed:
                logger.info(
                    "%s changed: restarting", ", ".join(sorted({Path(path).name for _, path in changed})[:SHOWN])
                )
                serves = False
                for child in (server, *others):
                    child.restart()
            server.look()
            serves = serves or (server.is_running and _answers(port))
            for child in others:
                child.look(may_start=serves)
    except KeyboardInterrupt:
        pass
    finally:
        for child in (server, *others):
            child.restart()  # stop all at once before waiting for the first
        for child in (server, *others):
            child.end()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(LOOK_EVERY)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def watched_folders() -> list[Path]:
    """Return the project's folders: its apps, settings and templates. Installed packages are not watched."""
    base = Path(settings.BASE_DIR)
    own = {Path(app.path) for app in apps.get_app_configs() if Path(app.path).is_relative_to(base)}
    folders = {folder for folder in own if "site-packages" not in folder.parts}
    folders |= {file.parent for file in base.glob("*/__init__.py")}  # an app that is not installed yet
    return sorted(folders | {base / "templates"})


def is_watched(path: Path) -> bool:
    """Return whether a change to this file restarts the processes."""
    folders = path.relative_to(settings.BASE_DIR).parts if path.is_relative_to(settings.BASE_DIR) else path.parts
    return path.suffix in WATCHED and not PASSED_OVER & set(folders)
