"""How the acceptance runs commands in the image: by Docker, or by buildah where there is no engine."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

END_WITHIN = 40  # seconds; what the compose files give
NOT_ITS_OWN = {"dev", "etc", "proc", "run", "sys", "tmp"}  # mounted, or written to by buildah itself


class Container(Protocol):
    """One container, for one role."""

    def start(self, *words: str) -> None:
        """Start the image's entrypoint with these words."""

    def run(self, *command: str) -> str:
        """Run a command beside it to its end, and give what it printed.

        Raises:
            RuntimeError: it failed.
        """

    def end(self) -> int:
        """Send SIGTERM, and give the exit status."""

    def said(self) -> str:
        """What it has logged."""

    def written(self) -> list[str]:
        """Files of the image that were changed."""

    def remove(self) -> None:
        """Take it away, whatever it does."""


class Docker:
    """With a root file system that cannot be written to, no capabilities, and the host's network."""

    def __init__(self, image: str, role: str, environment: dict[str, str], secrets: Path) -> None:
        self.image, self.name = image, f"keystone-acceptance-{role}-{uuid.uuid4().hex[:8]}"
        self.options = ["--network", "host", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL"]  # noqa: S108 - the container's
        self.options += ["--security-opt", "no-new-privileges", "--volume", f"{secrets}:/run/secrets:ro"]
        self.options += [f"--env={name}={value}" for name, value in environment.items()]

    def start(self, *words: str) -> None:
        """See `Container`."""
        _checked(["docker", "run", "--detach", "--name", self.name, *self.options, self.image, *words])

    def run(self, *command: str) -> str:
        """See `Container`."""
        if _running(["docker", "container", "inspect", self.name]):
            return _checked(["docker", "exec", self.name, *command])
        return _checked(["docker", "run", "--rm", *self.options, self.image, *command])

    def end(self) -> int:
        """See `Container`."""
        _checked(["docker", "stop", "--time", str(END_WITHIN), self.name])
        return int(_checked(["docker", "wait", self.name]))

    def said(self) -> str:
        """See `Container`."""
        return subprocess.run(["docker", "logs", self.name], capture_output=True, text=True, check=False).stderr

    def written(self) -> list[str]:
        """See `Container`. The engine refuses it."""
        return []

    def remove(self) -> None:
        """See `Container`."""
        subprocess.run(["docker", "rm", "--force", self.name], capture_output=True, check=False)


class Buildah:
    """In a chroot, as root of a machine that has nothing else; whether the image was changed is seen afterwards."""

    def __init__(self, image: str, role: str, environment: dict[str, str], secrets: Path) -> None:
        self.name = _checked(["buildah", "from", image]).strip()
        self.root = Path(_checked(["buildah", "mount", self.name]).strip())
        self.folder = Path(tempfile.mkdtemp(prefix=f"keystone-acceptance-{role}-"))
        self.log = self.folder / "log"
        (self.folder / "tmp").mkdir()
        (self.folder / "tmp").chmod(0o1777)
        self.folder.chmod(0o755)
        self.options = ["--isolation", "chroot", "--volume", f"{self.folder}/tmp:/tmp:rw"]  # noqa: S108 - likewise
        self.options += ["--volume", f"{secrets}:/run/secrets:ro"]
        self.options += [f"--env={name}={value}" for name, value in environment.items()]
        self.begun = time.time()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *words: str) -> None:
        """See `Container`."""
        command = ["buildah", "run", *self.options, self.name, "--", "entrypoint", *words]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def run(self, *command: str) -> str:
        """See `Container`."""
        return _checked(["buildah", "run", *self.options, self.name, "--", *command])

    def end(self) -> int:
        """See `Container`. A chroot has no process of its own to tell: what runs in it is looked for."""
        assert self.process is not None  # noqa: S101 - it was started
        os.kill(_first_inside(self.process.pid), signal.SIGTERM)
        return self.process.wait(timeout=END_WITHIN)

    def said(self) -> str:
        """See `Container`."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def written(self) -> list[str]:
        """See `Container`."""
        found = []
        for top in self.root.iterdir():
            for folder, _folders, files in os.walk(top) if top.name not in NOT_ITS_OWN else ():
                paths = [folder, *(f"{folder}/{file}" for file in files)]
                found += [path for path in paths if os.lstat(path).st_ctime > self.begun + 1]
        return sorted(path.removeprefix(str(self.root)) for path in found)

    def remove(self) -> None:
        """See `Container`."""
        if self.process is not None and self.process.poll() is None:
            for pid in [*_below(self.process.pid), self.process.pid]:
                os.kill(pid, signal.SIGKILL)
            self.process.wait()
        subprocess.run(["buildah", "rm", self.name], capture_output=True, check=False)
        shutil.rmtree(self.folder)


RUNNERS: dict[str, Callable[[str, str, dict[str, str], Path], Container]] = {"docker": Docker, "buildah": Buildah}


def _checked(command: list[str]) -> str:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        words = " ".join(command[:2] + command[-3:])
        raise RuntimeError(f"{words} ended with {done.returncode}: {done.stderr[-2000:] or done.stdout[-2000:]}")
    return done.stdout


def _running(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _below(pid: int) -> list[int]:
    """The processes that a process started, and those that they started; the nearest first."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        parents.setdefault(int(after_name[1]), []).append(int(stat.parent.name))
    found, waiting = [], [pid]
    while waiting:
        children = parents.get(waiting.pop(0), [])
        found += children
        waiting += children
    return found


def _first_inside(pid: int) -> int:
    """The process that `buildah run` is there for: the first below it that is no part of buildah."""
    for below in _below(pid):
        if not str(Path(f"/proc/{below}/exe").readlink()).startswith("/memfd:buildah"):
            return below
    raise RuntimeError("The container's process is gone.")
