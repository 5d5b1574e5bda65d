"""Find backups, and the databases that restores have left on the server."""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.utils.translation import gettext

from keystone.database.backup.manifest import FILE, BrokenManifest, Manifest, files_of, read
from keystone.database.backup.server import configured, errors_told
from keystone.exceptions import Refusal

UNFINISHED = ".unfinished-"
RESTORING, BEFORE = "_restore_", "_before_"
STAMP = r"\d{14}"


class State(StrEnum):
    """Whether a backup can be restored, judging by the files in its folder.

    Checksums are verified only before a restore.
    """

    WHOLE = "whole"
    DAMAGED = "damaged"
    UNFINISHED = "unfinished"
    UNREADABLE = "unreadable"  # it belongs to another user


class NoSuchBackup(Refusal):
    """There is no backup with this name or path."""

    code = "no_such_backup"
    status = 404

    def __init__(self, which: str, folder: Path) -> None:
        text = gettext("There is no backup %(which)s in %(folder)s. `db backup list` lists the existing ones.")
        super().__init__(text % {"which": which, "folder": folder})


@dataclass(frozen=True)
class Backup:
    """The folder of a backup.

    Without a manifest it is damaged, unfinished, or not readable by this user.
    """

    path: Path
    manifest: Manifest | None
    is_readable: bool = True

    @property
    def state(self) -> State:
        """The state, judging by the existence and the sizes of the files."""
        if self.path.name.startswith(UNFINISHED):
            return State.UNFINISHED
        if self.manifest is None:
            return State.DAMAGED if self.is_readable else State.UNREADABLE
        sizes = {file.path: file.size for file in self.manifest.files}
        try:
            found = {name: (self.path / name).stat().st_size for name in files_of(self.path)}
        except OSError:
            return State.DAMAGED
        return State.WHOLE if found == sizes else State.DAMAGED


@dataclass(frozen=True)
class Left:
    """A database that a restore has left on the server.

    Attributes:
        kind: `before` for the database that was in service before, `unfinished` for one that never was.
        size: in bytes.
    """

    name: str
    kind: str
    size: int

    @property
    def removal(self) -> str:
        """The SQL statement that drops the database."""
        quoted = self.name.replace('"', '""')
        return f'DROP DATABASE "{quoted}"'


def default_folder() -> Path:
    """Return the folder of backups if no other is given."""
    return Path(settings.DATA_DIR) / "backups"


def backups(folder: Path) -> list[Backup]:
    """Return the backups in a folder, oldest first, including damaged and unfinished ones.

    Raises:
        OSError: the folder cannot be read.
    """
    if not folder.is_dir():
        return []
    found = [_opened(path) for path in folder.iterdir() if _is_one(path)]
    return sorted(found, key=lambda one: (one.manifest.made_at if one.manifest else "", one.path.name))


def find(which: str, folder: Path) -> Backup:
    """Return the backup with this name in the folder, or with this path.

    Raises:
        NoSuchBackup: there is no such backup.
        BrokenManifest: its manifest is missing or cannot be read.
        OSError: it cannot be read.
    """
    for path in (folder / which, Path(which)):
        if _is_one(path):
            return Backup(path=path, manifest=read(path))
    raise NoSuchBackup(which, folder)


def left_by_restores() -> list[Left]:
    """Return the databases that restores of this database have left, oldest first.

    Raises:
        ServerRefuses: PostgreSQL does not answer or reported an error.
    """
    with errors_told():
        address = configured()
        with address.connect_beside() as connection:
            return left_on(connection, address.name)


def left_on(connection: psycopg.Connection[Any], name: str) -> list[Left]:
    """Return the databases that restores of the named database have left on the server, oldest first."""
    wanted = re.compile(f"{re.escape(shortened(name))}({RESTORING}|{BEFORE}){STAMP}")
    found = []
    listed = "SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY right(datname, 14), datname"
    for (database,) in connection.execute(listed).fetchall():
        if match := wanted.fullmatch(database):
            row = connection.execute("SELECT pg_database_size(%s::name)", [database]).fetchone()
            kind = "unfinished" if match[1] == RESTORING else "before"
            found.append(Left(database, kind, row[0] if row else 0))
    return found


def shortened(name: str) -> str:
    """Return the database name, truncated so that it fits into 63 bytes together with our suffixes."""
    longest = 63 - len(RESTORING) - 14
    return name.encode()[:longest].decode(errors="ignore")


def _is_one(path: Path) -> bool:
    try:
        return path.is_dir() and (path.name.startswith(UNFINISHED) or (path / FILE).exists())
    except PermissionError:  # it may be one
        return True
    except OSError:  # such as a name that is too long for the file system
        return False


def _opened(path: Path) -> Backup:
    try:
        return Backup(path=path, manifest=read(path))
    except BrokenManifest:
        return Backup(path=path, manifest=None)
    except OSError:
        return Backup(path=path, manifest=None, is_readable=False)
