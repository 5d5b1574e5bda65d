"""`manifest.json`: the origin, contents and checksums of a backup."""

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
    """The format of the rows."""

    PG_DUMP = "pg_dump"
    CSV = "csv"


class Scope(StrEnum):
    """What is backed up: the whole database, only its rows, or only the people and what belongs to them."""

    WHOLE = "whole"
    DATA = "data"
    PEOPLE = "people"


class BrokenManifest(Refusal):
    """The manifest cannot be read, or has a layout that this code does not know."""

    code = "broken_manifest"

    def __init__(self, path: Path) -> None:
        super().__init__(gettext("%(path)s is not the manifest of a complete backup.") % {"path": path})


@dataclass(frozen=True)
class Rows:
    """A table of the backup.

    Attributes:
        columns: the columns that were written; generated columns are left out.
    """

    schema: str
    name: str
    columns: list[str]
    rows: int

    @property
    def identity(self) -> Name:
        return Name(self.schema, self.name)


@dataclass(frozen=True)
class LastNumber:
    """The last number of a sequence."""

    schema: str
    name: str
    last: int


@dataclass(frozen=True)
class File:
    """A file of the backup, with its path relative to the backup's folder and its size in bytes."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """The manifest of a backup.

    Attributes:
        made_at: ISO 8601, in UTC.
        keystone: the version of the code; empty if unknown.
        server, pg_dump: versions of PostgreSQL; the latter is empty if pg_dump was not used.
        database_size: size on the server in bytes.
        archive: the archive format of pg_dump, `custom` or `directory`; empty if it was not used.
        migrations: names of the applied migrations by app.
        tables: each after the tables that it refers to.
        mark: the mark of the database, if it must not be reset.
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
        """The number of rows of all tables."""
        return sum(table.rows for table in self.tables)

    @property
    def size(self) -> int:
        """The size of all files in bytes."""
        return sum(file.size for file in self.files)

    def write(self, folder: Path) -> None:
        """Write the manifest into the backup's folder."""
        text = json.dumps(asdict(self), ensure_ascii=False, indent=2) + "\n"
        path = folder / FILE
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")


def read(folder: Path) -> Manifest:
    """Read the manifest in the folder of a backup.

    Raises:
        BrokenManifest: there is no manifest that this code can read.
        OSError: it cannot be read.
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
    """Return the object unchanged after checking the types of its fields."""
    for one in fields(part):
        value = getattr(part, one.name)
        kind: Any = one.type if isinstance(one.type, UnionType) else get_origin(one.type) or one.type
        if not isinstance(value, kind):
            raise TypeError(one.name)
        if one.type == list[str] and not all(isinstance(word, str) for word in value):
            raise TypeError(one.name)
    return part


def digest(path: Path) -> str:
    """Return the SHA-256 digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_of(folder: Path) -> list[str]:
    """Return the paths of a backup's files except its manifest.

    Anything that is not a directory counts, including symbolic links, so that unexpected entries are detected.
    """
    found = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return sorted(name for path in found if (name := path.relative_to(folder).as_posix()) != FILE)
