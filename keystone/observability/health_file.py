"""The file of a process that is there while the process is ready, and whose time is that of its last sign of life."""

from pathlib import Path

from django.utils.translation import gettext


def fault_of(file: Path | None) -> str:
    """Why this path cannot be a health file; empty where it can, or where there is to be none."""
    if file is None:
        return ""
    if not file.parent.is_dir():
        return gettext("There is no folder %(path)s.") % {"path": file.parent}
    return gettext("%(path)s is a folder: name a file in it.") % {"path": file} if file.is_dir() else ""


def show(file: Path | None, *, ready: bool) -> None:
    """Touch the file, or take it away."""
    if file is None:
        return
    if ready:
        file.touch()
    else:
        file.unlink(missing_ok=True)
