"""The health file of a process: it exists while the process is ready, and its mtime is the last heartbeat."""

from pathlib import Path

from django.utils.translation import gettext


def fault_of(file: Path | None) -> str:
    """Return why this path can't be a health file; empty if it can, or if it is None."""
    if file is None:
        return ""
    if not file.parent.is_dir():
        return gettext("There is no folder %(path)s.") % {"path": file.parent}
    return gettext("%(path)s is a folder. Give a file.") % {"path": file} if file.is_dir() else ""


def show(file: Path | None, *, ready: bool) -> None:
    """Touch the file if the process is ready; otherwise delete it."""
    if file is None:
        return
    if ready:
        file.touch()
    else:
        file.unlink(missing_ok=True)
