"""The operating-system user that runs the embedded server if we are root, which PostgreSQL refuses."""

import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path
from typing import TypedDict

NAME = "pgserver"


class Identity(TypedDict, total=False):
    """The arguments of `subprocess.run` for the user and groups."""

    user: int
    group: int
    extra_groups: list[int]


def uid() -> int:
    """Return the id of the user that the server runs as."""
    return _entry().pw_uid if os.geteuid() == 0 else os.geteuid()


def identity() -> Identity:
    """Return the arguments to run a program as that user; empty if it is the current user."""
    if os.geteuid() != 0:
        return {}
    entry = _entry()
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def give(folder: Path) -> None:
    """Change the owner of `folder` to that user."""
    if os.geteuid() == 0:
        entry = _entry()
        os.chown(folder, entry.pw_uid, entry.pw_gid)


def prepare(*paths: Path) -> None:
    """Let that user reach `paths`: make the folders above them searchable, but not listable."""
    if os.geteuid() != 0:
        return
    _entry()
    for path in paths:
        for above in path.resolve().parents:
            mode = above.stat().st_mode
            if not mode & stat.S_IXOTH:
                above.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def _entry() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(NAME)
    except KeyError:
        useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
        if useradd is None:
            raise OSError(f"as root it needs the user {NAME}, and there is no useradd to make it") from None
    command = [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", NAME]
    result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - a fixed command
    if result.returncode != 0:
        raise OSError(f"the user {NAME} could not be made: {result.stderr.strip()}")
    return pwd.getpwnam(NAME)
