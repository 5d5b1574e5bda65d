"""The folder in which several web processes count together."""

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from prometheus_client.multiprocess import mark_process_dead

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
PREFIX = "keystone-metrics-"


def make_folder() -> str:
    """A new folder for the processes of this server; those of servers that have ended are removed.

    Raises:
        OSError: there is no place for temporary files.
    """
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        process = folder.name.removeprefix(PREFIX).partition("-")[0]
        with suppress(OSError):
            if process.isdecimal() and folder.lstat().st_uid == os.getuid() and not _is_alive(int(process)):
                shutil.rmtree(folder)
    return tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-")


def empty(folder: Path) -> None:
    """Make a folder of the operator's own ready: what the last server has counted would be counted on.

    Raises:
        OSError: it cannot be made or emptied.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.glob("*.db"):
        file.unlink()


def forget_the_dead(folder: str) -> None:
    """Leave out what processes that have ended were at. What they have counted stays."""
    for file in Path(folder).glob("gauge_live*_*.db"):
        process = file.stem.rpartition("_")[2]
        if process.isdecimal() and not _is_alive(int(process)):
            with suppress(OSError):  # another process was first
                mark_process_dead(int(process), folder)  # type: ignore[no-untyped-call]  # the library has no types here


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # somebody else's
    return True
