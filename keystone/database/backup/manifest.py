"""`manifest.json`: what a backup is of, its contents and checksums."""

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from pathlib import Path, PurePosixPath
from types import UnionType
from typing import Any, get_origin

from django.utils.translation import gettext

from keystone.database.backup.tables import Name
from keystone.exceptions import Refusal

FILE = "manifest.json"
LAYOUT = 1
CHUNK = 1 << 20  # bytes


class Format(StrEnum):
    """In what form the rows are kept."""

    PG_DUMP = "pg_dump"
    CSV = "csv"


class Scope(StrEnum):
    """How much of the database is kept: all of it, its rows alone, or the people and what belongs to them."""

    WHOLE = "whole"
    DATA = "data"
    PEOPLE = "people"


class BrokenManifest(Refusal):
    """It cannot be read, or is of a layout that this code does not know."""

    code = "broken_manifest"

    def __init__(self, path: Path) -> None:
        super().__init__(gettext("%(path)s is not the manifest of a whole backup.") % {"path": path})


@dataclass(frozen=True)
class Rows:
    """A table of the backup.

    Attributes:
        columns: those that were written; generated ones are not.
    """

    schema: str
    name: str
    columns: list[str]
    rows: int

    @property
    def identity(self) -> Name:
        """Its name."""
        return Name(self.schema, self.name)


@dataclass(frozen=True)
class LastNumber:
    """The last number that a sequence gave."""

    schema: str
    name: str
    last: int


@dataclass(frozen=True)
class File:
    """A file of the backup; its path is relative to the backup's folder, its size in bytes."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a backup says of itself.

    Attributes:
        made_at: ISO 8601, in UTC.
        keystone: the version of the code; empty where that is not known.
        server, pg_dump: versions of PostgreSQL; the latter is empty where it was not used.
        database_size: in bytes, on the server.
        archive: pg_dump's own format, `custom` or `directory`; empty where it was not used.
        migrations: of each app, the names of those that were applied.
        tables: each after those that it refers to.
        mark: of a database that must not be reset.
    """

    name: str
    made_at: str
    keystone: str
    database: str
    database_size: int
    server: str
    server_major: int
    pg_dump: str
    pg_dump_major: int
    scope: str
    formats: list[str]
    archive: str
    jobs: int
    migrations: dict[str, list[str]]
    tables: list[Rows]
    sequences: list[LastNumber]
    mark: str | None = None
    files: list[File] = field(default_factory=list)
    layout: int = LAYOUT

    @property
    def rows(self) -> int:
        """Of all tables."""
        return sum(table.rows for table in self.tables)

    @property
    def size(self) -> int:
        """Of all files, in bytes."""
        return sum(file.size for file in self.files)

    def write(self, folder: Path) -> None:
        """Write it into the backup's folder."""
        text = json.dumps(asdict(self), ensure_ascii=False, indent=2) + "\n"
        path = folder / FILE
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")


def read(folder: Path) -> Manifest:
    """Read the manifest of a backup's folder.

    Raises:
        BrokenManifest: there is none that this code can read.
        OSError: it is out of reach.
    """
    path = folder / FILE
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["layout"] != LAYOUT:
            raise BrokenManifest(path)
        return _checked(found)
    except (FileNotFoundError, IsADirectoryError, ValueError, TypeError, KeyError, AttributeError):
        raise BrokenManifest(path) from None


def _checked(found: dict[str, Any]) -> Manifest:
    parts = {
        "tables": [_typed(Rows(**table)) for table in found["tables"]],
        "sequences": [_typed(LastNumber(**sequence)) for sequence in found["sequences"]],
        "files": [_typed(File(**file)) for file in found["files"]],
        "migrations": {str(label): [str(name) for name in names] for label, names in found["migrations"].items()},
        "formats": [Format(name) for name in found["formats"]],
        "scope": Scope(found["scope"]),
    }
    manifest = _typed(Manifest(**{**found, **parts}))
    if not manifest.formats:
        raise ValueError(manifest.formats)
    for file in manifest.files:
        path = PurePosixPath(file.path)
        if path.is_absolute() or ".." in path.parts:
            raise ValueError(file.path)
    return manifest


def _typed[Part: (Manifest, Rows, LastNumber, File)](part: Part) -> Part:
    """The same, where each of its fields is of its type."""
    for one in fields(part):
        value = getattr(part, one.name)
        kind: Any = one.type if isinstance(one.type, UnionType) else get_origin(one.type) or one.type
        if not isinstance(value, kind):
            raise TypeError(one.name)
        if one.type == list[str] and not all(isinstance(word, str) for word in value):
            raise TypeError(one.name)
    return part


def digest(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_of(folder: Path) -> list[str]:
    """The paths of a backup's files, without its manifest; what is no plain file counts as one, and fits nowhere."""
    found = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return sorted(name for path in found if (name := path.relative_to(folder).as_posix()) != FILE)
