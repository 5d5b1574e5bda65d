"""Show one migration: what it does, what it depends on, whether it is reversible."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.utils.translation import gettext

from keystone.database.branches import branch as known
from keystone.database.migration_status import BranchStatus, branch_statuses, read
from keystone.database.planning import Step
from keystone.database.targets import Key, find
from keystone.database.writing import Plan, statements_of
from keystone.exceptions import Refusal


class OneAtATime(Refusal):
    """`--sql` shows a single migration, not a branch."""

    code = "one_at_a_time"

    def __init__(self, label: str) -> None:
        text = gettext("%(label)s is a branch; --sql shows one migration. For pending migrations use db upgrade --sql.")
        super().__init__(text % {"label": label})


@dataclass(frozen=True)
class MigrationDetails:
    """The details of a migration.

    Attributes:
        applied_at: when, in UTC; None if it is pending, or if it replaces migrations that were applied one by one.
        atomic: whether it runs in one transaction.
        operations: descriptions of its operations, in order.
        irreversible: descriptions of the operations that cannot be undone.
        needs: migrations that have to be applied before it.
        needed_by: migrations that have to be undone before it.
        sql: its statements; None unless they were requested.
    """

    branch: str
    name: str
    applied: bool
    applied_at: datetime | None
    atomic: bool
    operations: list[str]
    irreversible: list[str]
    needs: list[str]
    needed_by: list[str]
    sql: list[str] | None = None


def show(written: str, *, branch: str | None = None, sql: bool = False) -> MigrationDetails | BranchStatus:
    """Return the details of a migration, or the status of a branch if there is one with this name.

    Args:
        written: a branch; or a migration as its name, the beginning of its name, its number, or `app.name`.
        branch: the branch to search for the migration; None for all.
        sql: whether to include the statements of the migration.

    Raises:
        UnknownMigration, UnknownBranch: there is no such migration or branch.
        AmbiguousMigration: several migrations match.
        OperationalError: the database does not answer.
        BrokenMigrations: a migration depends on one that does not exist, or has no content.
        OneAtATime: `written` is a branch, and its SQL was requested.
    """
    loader = read()
    if branch is not None:
        known(branch, loader)
    else:
        for standing in branch_statuses(loader):
            if standing.branch == written:
                if sql:
                    raise OneAtATime(written)
                return standing
    return _details(loader, find(loader, written, branch), sql=sql)


def _details(loader: MigrationLoader, key: Key, *, sql: bool) -> MigrationDetails:
    step = Step(loader.graph.nodes[key], backwards=False)
    node = loader.graph.node_map[key]
    recorded = loader.applied_migrations.get(key)
    return MigrationDetails(
        branch=key[0],
        name=key[1],
        applied=recorded is not None,
        applied_at=getattr(recorded, "applied", None),
        atomic=step.is_atomic,
        operations=step.operations,
        irreversible=step.irreversible,
        needs=[".".join(parent.key) for parent in sorted(node.parents)],
        needed_by=[".".join(child.key) for child in sorted(node.children)],
        sql=_sql(loader, step) if sql else None,
    )


def _sql(loader: MigrationLoader, step: Step) -> list[str]:
    """Return the statements as `sqlmigrate` prints them, but without executing any Python operation."""
    statements = statements_of(step.migration, loader.project_state(step.key, at_end=False), Plan())
    if not statements or not step.is_atomic:
        return statements
    return [connection.ops.start_transaction_sql(), *statements, connection.ops.end_transaction_sql()]
