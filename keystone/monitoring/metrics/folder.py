"""The folder in which several web processes share their counts."""

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from prometheus_client.multiprocess import mark_process_dead

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
PREFIX = "keystone-metrics-"


def make_folder() -> str:
    """Create a folder for the processes of this server, and remove those of servers that have ended.

    Raises:
        OSError: there is no folder for temporary files.
    """
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        process = folder.name.removeprefix(PREFIX).partition("-")[0]
        with suppress(OSError):
            if process.isdecimal() and folder.lstat().st_uid == os.getuid() and not _is_alive(int(process)):
                shutil.rmtree(folder)
    return tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-")


def empty(folder: Path) -> None:
    """Create or empty a folder named by the operator. Otherwise the counts of the last server would be continued.

    Raises:
        OSError: it can't be created or emptied.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.glob("*.db"):
        file.unlink()


def forget_the_dead(folder: str) -> None:
    """Remove the current values of processes that have ended. Their counts are kept."""
    for file in Path(folder).glob("gauge_live*_*.db"):
        process = file.stem.rpartition("_")[2]
        if process.isdecimal() and not _is_alive(int(process)):
            with suppress(OSError):  # another process removed it
                mark_process_dead(int(process), folder)  # type: ignore[no-untyped-call]  # the library has no types here


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # another user's process
    return True
