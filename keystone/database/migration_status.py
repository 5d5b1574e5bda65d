"""The status of migrations: applied, pending, unknown to the code."""

from dataclasses import dataclass

from django.db.migrations.exceptions import BadMigrationError, CircularDependencyError, NodeNotFoundError
from django.db.migrations.loader import MigrationLoader

from keystone.database.branches import branches, loaded
from keystone.database.planning import BrokenMigrations
from keystone.database.server import Server, server
from keystone.database.tables import Table, tables


@dataclass(frozen=True)
class BranchStatus:
    """How a branch stands.

    Attributes:
        branch: the app's label.
        current: the last migration that is applied.
        applied: in the order in which they are applied.
        pending: those that the database lacks, in the order in which they will be applied.
        unknown: those that the database has and the code does not, sorted: another version of the code applied them.
        conflicting: the last ones of the code, where there is more than one.
    """

    branch: str
    current: str | None
    applied: list[str]
    pending: list[str]
    unknown: list[str]
    conflicting: list[str]


@dataclass(frozen=True)
class Status:
    """All of it."""

    server: Server
    tables: list[Table]
    branches: list[BranchStatus]


def status() -> Status:
    """How the database stands.

    Raises:
        OperationalError: it does not answer.
        BrokenMigrations: a migration depends on one that is not there, or has no content.
    """
    return Status(server=server(), tables=tables(), branches=branch_statuses())


def read() -> MigrationLoader:
    """The migrations of every app, and what the database says of them.

    Raises:
        OperationalError: the database does not answer.
        BrokenMigrations: a migration depends on one that is not there, or has no content.
    """
    try:
        return loaded()
    except (BadMigrationError, CircularDependencyError, NodeNotFoundError) as error:
        raise BrokenMigrations(str(error)) from error


def branch_statuses(loader: MigrationLoader | None = None) -> list[BranchStatus]:
    """How every branch stands: those that are written here first, and at the end those that only the database knows.

    Raises:
        OperationalError: the database does not answer.
        BrokenMigrations: a migration depends on one that is not there, or has no content.
    """
    loader = loader or read()
    unknown = _unknown(loader)
    listed = [
        BranchStatus(
            branch=found.label,
            current=found.current,
            applied=found.applied,
            pending=found.pending,
            unknown=unknown.pop(found.label, []),
            conflicting=found.leaves if len(found.leaves) > 1 else [],
        )
        for found in branches(loader)
    ]
    rest = [BranchStatus(label, None, [], [], names, []) for label, names in sorted(unknown.items())]
    return [*listed, *rest]


def _unknown(loader: MigrationLoader) -> dict[str, list[str]]:
    """What is applied, and neither in the code nor replaced by a migration of the code, by app."""
    known = {key for migration in loader.disk_migrations.values() for key in migration.replaces}
    known |= set(loader.disk_migrations)
    found: dict[str, list[str]] = {}
    for label, name in sorted(set(loader.applied_migrations) - known):
        found.setdefault(label, []).append(name)
    return found
