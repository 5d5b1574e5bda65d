"""The status of migrations: applied, pending or unknown to the code."""

from dataclasses import dataclass

from django.db.migrations.exceptions import BadMigrationError, CircularDependencyError, NodeNotFoundError
from django.db.migrations.loader import MigrationLoader

from keystone.database.branches import branches, loaded
from keystone.database.planning import BrokenMigrations
from keystone.database.server import Server, server
from keystone.database.tables import Table, tables


@dataclass(frozen=True)
class BranchStatus:
    """The status of a branch.

    Attributes:
        branch: the app label.
        current: the last applied migration.
        applied: the applied migrations, in the order in which they are applied.
        pending: the migrations that are not applied yet, in the order in which they will be applied.
        unknown: applied migrations that the code does not have, sorted: another version of the code applied them.
        conflicting: the leaf migrations of the code, if there is more than one.
    """

    branch: str
    current: str | None
    applied: list[str]
    pending: list[str]
    unknown: list[str]
    conflicting: list[str]


@dataclass(frozen=True)
class Status:
    """The status of the server, its tables and all branches."""

    server: Server
    tables: list[Table]
    branches: list[BranchStatus]


def status() -> Status:
    """Return the status of the database.

    Raises:
        OperationalError: the database does not answer.
        BrokenMigrations: a migration depends on one that does not exist, or has no content.
    """
    return Status(server=server(), tables=tables(), branches=branch_statuses())


def read() -> MigrationLoader:
    """Load the migrations of every app and their state in the database.

    Raises:
        OperationalError: the database does not answer.
        BrokenMigrations: a migration depends on one that does not exist, or has no content.
    """
    try:
        return loaded()
    except (BadMigrationError, CircularDependencyError, NodeNotFoundError) as error:
        raise BrokenMigrations(str(error)) from error


def branch_statuses(loader: MigrationLoader | None = None) -> list[BranchStatus]:
    """Return the status of every branch.

    Keystone's and the project's branches come first, those that exist only in the database last.

    Raises:
        OperationalError: the database does not answer.
        BrokenMigrations: a migration depends on one that does not exist, or has no content.
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
    """Return the applied migrations by app that are neither in the code nor replaced by a migration of the code."""
    known = {key for migration in loader.disk_migrations.values() for key in migration.replaces}
    known |= set(loader.disk_migrations)
    found: dict[str, list[str]] = {}
    for label, name in sorted(set(loader.applied_migrations) - known):
        found.setdefault(label, []).append(name)
    return found
