"""Create a backup in a folder that gets its final name when everything is on disk."""

import os
import re
import shutil
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import psycopg
from django.conf import settings
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from keystone.database.backup import csv_files, programs
from keystone.database.backup.finding import UNFINISHED, Backup
from keystone.database.backup.manifest import File, Format, LastNumber, Manifest, Rows, Scope, digest, files_of
from keystone.database.backup.progress import Progress, counting
from keystone.database.backup.server import Address, configured, errors_told, server_version
from keystone.database.backup.tables import Table, mark, of_people, people_table, references, rows, sequences, tables
from keystone.exceptions import Refusal

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
DUMP = "database.dump"
LOCK_WAIT = 60_000  # milliseconds to wait for the lock of a table
DUMPING = re.compile(r'dumping contents of table "')


class BadName(Refusal):
    """The name is not valid for a backup."""

    code = "bad_name"
    message: ClassVar[str | Promise] = _(
        "A backup's name may contain only letters, digits and . _ -, at most 100 characters."
    )


class BackupExists(Refusal):
    """There is already a backup with this name."""

    code = "backup_exists"

    def __init__(self, path: Path) -> None:
        super().__init__(gettext("%(path)s already exists. Choose another --name.") % {"path": path})


class FolderUnusable(Refusal):
    """The folder cannot be written to."""

    code = "folder_unusable"

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(f"{error.filename or path}: {error.strerror or error}")


class NoMigrations(Refusal):
    """The database has no migrations table, so there is nothing to back up."""

    code = "no_migrations"

    def __init__(self, name: str) -> None:
        text = gettext("The database %(name)s is empty: no migration has been applied. There is nothing to back up.")
        super().__init__(text % {"name": name})


@dataclass(frozen=True)
class BackupOptions:
    """Options for creating a backup.

    Attributes:
        folder: the parent folder of the backup's own folder.
        name: defaults to the name of the database and the time.
        jobs: number of connections of pg_dump; with more than one, its archive is a directory.
    """

    folder: Path
    formats: tuple[Format, ...] = (Format.PG_DUMP,)
    scope: Scope = Scope.WHOLE
    jobs: int = 1
    name: str = ""


def create(wanted: BackupOptions, *, progress: Progress) -> Backup:
    """Create a backup of the database as of a single moment. The site keeps running meanwhile.

    Raises:
        BadName, BackupExists, FolderUnusable: the backup cannot be written there.
        NoMigrations: the database is empty.
        ProgramMissing, ProgramFailed: pg_dump is missing or failed.
        ServerRefuses: PostgreSQL reported an error.
    """
    moment = timezone.now()
    with errors_told():
        address = configured()
        name = wanted.name or f"{re.sub(r'[^A-Za-z0-9_-]', '_', address.name)[:60]}-{moment:%Y%m%dT%H%M%SZ}"
        if not NAME.fullmatch(name):
            raise BadName
        with _finished(wanted.folder, name) as folder, address.connect(autocommit=False) as connection:
            manifest = _described(connection, wanted, name=name, moment=moment.isoformat(timespec="seconds"))
            manifest = _written(connection, address, wanted, folder, manifest=manifest, progress=progress)
            manifest.write(folder)
    return Backup(path=wanted.folder / name, manifest=manifest)


@contextmanager
def _finished(parent: Path, name: str) -> Iterator[Path]:
    """Create a folder that gets its final name at the end of the block, or is removed if the block fails."""
    path, unfinished = parent / name, parent / f"{UNFINISHED}{name}-{os.getpid()}"
    try:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.exists():
            raise BackupExists(path)
        unfinished.mkdir(mode=0o700)
        try:
            yield unfinished
            for file in [*unfinished.rglob("*"), unfinished]:
                _sync(file)
            unfinished.rename(path)
            _sync(parent)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
    except OSError as error:
        raise FolderUnusable(path, error) from error


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _described(connection: psycopg.Connection[Any], wanted: BackupOptions, *, name: str, moment: str) -> Manifest:
    """Describe the database in a manifest.

    This starts the transaction whose snapshot is backed up, and locks the tables against schema changes.
    """
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    connection.execute(f"SET LOCAL lock_timeout = {LOCK_WAIT}")
    row = connection.execute(
        "SELECT current_database(), pg_database_size(current_database()), to_regclass('django_migrations')"
    ).fetchone()
    database, size, recorder = row or ("", 0, None)
    if recorder is None:
        raise NoMigrations(database)
    server, major = server_version(connection)
    migrations: dict[str, list[str]] = {}
    for label, migration in connection.execute("SELECT app, name FROM django_migrations ORDER BY app, id"):
        migrations.setdefault(label, []).append(migration)
    kept = _kept(connection, wanted.scope)
    names = {table.name for table in kept}
    numbered = [one for one in sequences(connection) if wanted.scope is not Scope.PEOPLE or one.table in names]
    return Manifest(
        name=name,
        made_at=moment,
        keystone=_version(),
        database=database,
        database_size=size,
        server=server,
        server_major=major,
        pg_dump="",
        pg_dump_major=0,
        scope=wanted.scope,
        formats=list(wanted.formats),
        archive="",
        jobs=wanted.jobs,
        migrations=migrations,
        tables=[Rows(one.name.schema, one.name.name, one.columns, rows(connection, one.name)) for one in kept],
        sequences=[LastNumber(one.name.schema, one.name.name, one.last) for one in numbered],
        mark=mark(connection),
    )


def _kept(connection: psycopg.Connection[Any], scope: Scope) -> list[Table]:
    found = tables(connection)
    if scope is not Scope.PEOPLE:
        return found
    return of_people(found, references(connection), people_table(connection))


def _written(
    connection: psycopg.Connection[Any],
    address: Address,
    wanted: BackupOptions,
    folder: Path,
    *,
    manifest: Manifest,
    progress: Progress,
) -> Manifest:
    kept = [Table(one.identity, one.columns) for one in manifest.tables]
    if Format.PG_DUMP in wanted.formats:
        program = programs.find("pg_dump", at_least=manifest.server_major)
        archive = "directory" if wanted.jobs > 1 else "custom"
        manifest = replace(manifest, pg_dump=program.version, pg_dump_major=program.major, archive=archive)
        row = connection.execute("SELECT pg_export_snapshot()").fetchone()
        arguments = [f"--format={archive}", f"--file={folder / DUMP}", f"--snapshot={row[0] if row else ''}"]
        arguments += ["--verbose", f"--lock-wait-timeout={LOCK_WAIT}", f"--dbname={address.target()}"]
        arguments += [f"--jobs={wanted.jobs}"] if wanted.jobs > 1 else []
        arguments += ["--data-only"] if wanted.scope is not Scope.WHOLE else []
        arguments += [f"--table={one.name.pattern}" for one in kept] if wanted.scope is Scope.PEOPLE else []
        said = counting(DUMPING, gettext("Dumping"), len(kept), progress)
        programs.run(program, arguments, address=address, said=said)
    if Format.CSV in wanted.formats:
        for number, table in enumerate(kept, start=1):
            csv_files.write(connection, table, folder)
            progress(gettext("Writing CSV"), number, len(kept))
    found = []
    names = files_of(folder)
    for number, name in enumerate(names, start=1):
        found.append(File(name, (folder / name).stat().st_size, digest(folder / name)))
        progress(gettext("Checksums"), number, len(names))
    return replace(manifest, files=found)


def _version() -> str:
    """Return the version of the code, or an empty string if there is no pyproject.toml."""
    try:
        with (Path(settings.BASE_DIR) / "pyproject.toml").open("rb") as file:
            return str(tomllib.load(file)["project"]["version"])
    except (OSError, KeyError, tomllib.TOMLDecodeError):
        return ""
