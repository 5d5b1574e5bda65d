"""Checks before a restore."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from django.db.migrations.loader import MigrationLoader
from django.utils.translation import gettext
from psycopg import sql

from keystone.database.backup import programs
from keystone.database.backup.finding import Backup, State, find
from keystone.database.backup.manifest import Format, Manifest, Scope, digest, files_of
from keystone.database.backup.places import DatabaseProperties, place
from keystone.database.backup.programs import Program
from keystone.database.backup.progress import Progress
from keystone.database.backup.server import Address, configured, errors_told, server_version
from keystone.database.backup.tables import people_table, tables
from keystone.exceptions import Refusal

NAMED = 5  # maximum number of files in a message
ROOM = 1.1  # required free disk space relative to the size of the database


class DamagedBackup(Refusal):
    """The files of the backup are not those that were written."""

    code = "damaged_backup"

    def __init__(self, names: Sequence[str]) -> None:
        text = gettext("The backup is damaged. These files are missing, changed or not part of it: %(names)s.")
        more = gettext(" and %(count)d more") % {"count": len(names) - NAMED} if len(names) > NAMED else ""
        super().__init__(text % {"names": ", ".join(names[:NAMED]) + more})


class NoSuchFormat(Refusal):
    """The backup does not have this format."""

    code = "no_such_format"

    def __init__(self, form: Format, there: list[str]) -> None:
        text = gettext("The backup has no %(form)s; it has %(there)s.")
        super().__init__(text % {"form": form, "there": ", ".join(there)})


class UnknownMigrations(Refusal):
    """The backup has migrations that this code does not know."""

    code = "unknown_migrations"

    def __init__(self, names: list[str]) -> None:
        text = gettext(
            "The backup has migrations that this code does not have: %(names)s. Restore it with the "
            "code that created it or newer code. If they belong to an app that was removed, use "
            "--accept-unknown-migrations."
        )
        super().__init__(text % {"names": ", ".join(names)})


class OlderServer(Refusal):
    """Archives of pg_dump cannot be restored to an older major version of PostgreSQL."""

    code = "older_server"

    def __init__(self, made: int, here: int) -> None:
        text = gettext(
            "The backup is from PostgreSQL %(made)d, and this server is PostgreSQL %(here)d. "
            "pg_dump's archives can be restored to the same version or a newer one, CSV to any."
        )
        super().__init__(text % {"made": made, "here": here})


class NotAllowed(Refusal):
    """The role lacks a right that a restore needs."""

    code = "not_allowed"
    status = 403


class PeopleThere(Refusal):
    """A backup of people can only be restored to a database without people."""

    code = "people_there"

    def __init__(self, name: str) -> None:
        text = gettext(
            "The backup contains people only, and the database %(name)s has people: everything else would be lost."
        )
        super().__init__(text % {"name": name})


class NoRoom(Refusal):
    """The server's disk has too little free space."""

    code = "no_room"

    def __init__(self, needed: int, free: int) -> None:
        text = gettext("The server's disk has %(free)d MB free, and about %(needed)d MB are needed.")
        super().__init__(text % {"needed": needed >> 20, "free": free >> 20})


@dataclass(frozen=True)
class Plan:
    """A restore that has passed all checks.

    Attributes:
        place: the database in service; None if there is no database with this name yet.
        program: `pg_restore`, if it is needed.
        pending: number of migrations that the code has and the backup lacks.
    """

    backup: Backup
    manifest: Manifest
    form: Format
    address: Address
    place: DatabaseProperties | None
    program: Program | None
    server_major: int
    pending: int


def check(
    which: str, *, folder: Path, form: Format | None = None, accept_unknown: bool = False, progress: Progress
) -> Plan:
    """Check whether a backup can be restored here, without changing anything.

    Args:
        which: its name in the folder, or its path.
        form: the format to restore; defaults to the one of pg_dump if the backup has it.
        accept_unknown: whether the backup may have migrations that this code does not know.

    Raises:
        Refusal: those of this module, of `finding.find` and `programs.find`; ServerRefuses.
        OSError: a file of the backup cannot be read.
    """
    backup = find(which, folder)
    manifest = backup.manifest
    if manifest is None or backup.state is State.UNFINISHED:
        raise DamagedBackup([backup.path.name])
    if form is not None and form not in manifest.formats:
        raise NoSuchFormat(form, manifest.formats)
    form = form or (Format.PG_DUMP if Format.PG_DUMP in manifest.formats else Format.CSV)
    pending = _check_migrations(manifest, accept=accept_unknown and manifest.scope == Scope.WHOLE)
    with errors_told():
        address = configured()
        with address.connect_beside() as connection:
            here = server_version(connection)[1]
            found = place(connection, address.name)
            _check_rights(connection, found)
            _check_room(connection, manifest)
        program = None
        if form is Format.PG_DUMP:
            if here < manifest.server_major:
                raise OlderServer(manifest.server_major, here)
            program = programs.find("pg_restore", at_least=manifest.pg_dump_major, near=here)
        if found is not None and manifest.scope == Scope.PEOPLE and _has_people(address):
            raise PeopleThere(address.name)
    _check_files(backup.path, manifest, progress)
    return Plan(backup, manifest, form, address, found, program, here, pending)


def _check_files(folder: Path, manifest: Manifest, progress: Progress) -> None:
    expected = {file.path: file for file in manifest.files}
    wrong = set(files_of(folder)) ^ set(expected)
    for number, (name, file) in enumerate(expected.items(), start=1):
        path = folder / name
        if name not in wrong and (path.is_symlink() or not path.is_file() or digest(path) != file.sha256):
            wrong.add(name)
        progress(gettext("Checksums"), number, len(expected))
    if wrong:
        raise DamagedBackup(sorted(wrong))


def _check_migrations(manifest: Manifest, *, accept: bool) -> int:
    loader = MigrationLoader(None)
    has = completed(manifest, loader)
    replaced = {old for migration in loader.disk_migrations.values() for old in migration.replaces}
    unknown = has - set(loader.disk_migrations) - replaced
    if unknown and not accept:
        raise UnknownMigrations(sorted(f"{label}.{name}" for label, name in unknown))
    return len(set(loader.graph.nodes) - has)


def completed(manifest: Manifest, loader: MigrationLoader) -> set[tuple[str, str]]:
    """Return the migrations of the backup, and those that replace some of them."""
    has = {(label, name) for label, names in manifest.migrations.items() for name in names}
    return has | {
        key
        for key, migration in loader.disk_migrations.items()
        if migration.replaces and {tuple(old) for old in migration.replaces} <= has
    }


def _check_rights(connection: psycopg.Connection[Any], found: DatabaseProperties | None) -> None:
    row = connection.execute(
        "SELECT rolsuper OR rolcreatedb, current_user FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    may_create, role = row or (False, "")
    if not may_create:
        text = gettext(
            "A restore creates a database beside the old one, which %(role)s is not allowed to do. As "
            'an administrator of the server, run ALTER ROLE "%(role)s" CREATEDB.'
        )
        raise NotAllowed(text % {"role": role})
    if found is not None:
        row = connection.execute("SELECT pg_has_role(%s::name, 'USAGE')", [found.owner]).fetchone()
        if not (row and row[0]):
            text = gettext("The database %(name)s is owned by %(owner)s; %(role)s is not allowed to rename it.")
            raise NotAllowed(text % {"name": found.name, "owner": found.owner, "role": role})


def _check_room(connection: psycopg.Connection[Any], manifest: Manifest) -> None:
    """Check that the server's disk has enough free space.

    This is possible only if the server is on this machine, which a socket implies, and tells the role its data
    directory.
    """
    if not connection.info.host.startswith("/"):
        return
    row = connection.execute(
        "SELECT current_setting('data_directory') WHERE pg_has_role('pg_read_all_settings', 'USAGE')"
    ).fetchone()
    if row is None or not Path(row[0]).exists():
        return
    needed, free = int(manifest.database_size * ROOM), shutil.disk_usage(row[0]).free
    if free < needed:
        raise NoRoom(needed, free)


def _has_people(address: Address) -> bool:
    with address.connect() as connection:
        name = people_table(connection)
        if name not in {table.name for table in tables(connection)}:
            return False
        return connection.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(name.quoted)).fetchone() is not None
