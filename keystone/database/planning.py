"""The plan of a migration: its steps, which of them are irreversible, and their SQL."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from django.db import connection
from django.db.migrations import Migration
from django.db.migrations.exceptions import BadMigrationError, InconsistentMigrationHistory, NodeNotFoundError
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.operations import SeparateDatabaseAndState
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from keystone.database.targets import Key, Target
from keystone.database.writing import Plan, statements_of
from keystone.exceptions import Refusal

_NAMED = 8  # maximum number of listed steps; a library may have dozens


class BrokenMigrations(Refusal):
    """The migrations contradict each other or the database."""

    code = "broken_migrations"


class Irreversible(Refusal):
    """A step of the plan cannot be undone."""

    code = "irreversible"
    message: ClassVar[str | Promise] = _("This cannot be undone.")


@dataclass(frozen=True)
class Step:
    """A migration that is applied or undone."""

    migration: Migration
    backwards: bool

    @property
    def key(self) -> Key:
        """The app label and the migration's name."""
        return (self.migration.app_label, self.migration.name)

    @property
    def name(self) -> str:
        """The migration as `app.name`."""
        return ".".join(self.key)

    @property
    def is_atomic(self) -> bool:
        """Whether the step runs in one transaction."""
        return bool(self.migration.atomic)

    @property
    def operations(self) -> list[str]:
        """Descriptions of the operations, in the order in which they run."""
        said = [operation.describe() for operation in self.migration.operations]
        return said[::-1] if self.backwards else said

    @property
    def irreversible(self) -> list[str]:
        """Descriptions of the operations that cannot be undone."""
        return [operation.describe() for operation in _irreversible(self.migration.operations)]


def executor(*, fits: bool = True) -> MigrationExecutor:
    """Return a migration executor after checking that the migrations are consistent.

    Args:
        fits: whether to check the history of the database as well.

    Raises:
        BrokenMigrations: a branch has two leaves, a dependency is missing, or the database has a migration without its
            dependency.
        OperationalError: the database does not answer.
    """
    try:
        found = MigrationExecutor(connection)
        if fits:
            found.loader.check_consistent_history(connection)
    except (BadMigrationError, InconsistentMigrationHistory, NodeNotFoundError) as error:
        raise BrokenMigrations(str(error)) from error
    conflicts = found.loader.detect_conflicts()
    if conflicts:
        listed = "; ".join(f"{label}: {', '.join(names)}" for label, names in sorted(conflicts.items()))
        text = gettext("A branch has more than one latest migration (%(listed)s). Merge them first.")
        raise BrokenMigrations(text % {"listed": listed})
    return found


def steps_up(found: MigrationExecutor, target: Target) -> list[Step]:
    """Return the steps of `upgrade` in order. Applied migrations are never undone."""
    if target.label is not None and target.name is not None:
        keys = [(target.label, target.name)]
    else:
        keys = [key for key in found.loader.graph.leaf_nodes() if target.label in {None, key[0]}]
    pending = [key for key in keys if key not in found.loader.applied_migrations]
    wanted = {migration for migration, _backwards in found.migration_plan(pending)}
    everything = found.migration_plan(found.loader.graph.leaf_nodes(), clean_start=True)
    return [Step(migration, backwards=False) for migration, _backwards in everything if migration in wanted]


def steps_down(found: MigrationExecutor, target: Target) -> list[Step]:
    """Return the steps of `downgrade` in order, including migrations of other apps that depend on them."""
    key = (str(target.label), target.name)
    if target.name is not None and key not in found.loader.applied_migrations:
        return []
    return [Step(migration, backwards=True) for migration, _backwards in found.migration_plan([key])]


def refuse_irreversible(steps: Sequence[Step]) -> None:
    """Raise an error that lists the irreversible steps, if there are any.

    Raises:
        Irreversible: some steps cannot be undone.
    """
    named = [f"{step.name} ({', '.join(step.irreversible)})" for step in steps if step.irreversible]
    if named:
        more = gettext(", and %(count)d more") % {"count": len(named) - _NAMED} if len(named) > _NAMED else ""
        text = gettext("Nothing was changed: %(named)s cannot be undone.")
        raise Irreversible(text % {"named": ", ".join(named[:_NAMED]) + more})


def sql(found: MigrationExecutor, steps: Sequence[Step]) -> Iterator[tuple[Step, list[str]]]:
    """Yield each step with its SQL, including the change to Django's migrations table. Nothing is executed.

    If a step changes something that an earlier step creates, the name of a constraint may be missing; a comment in the
    SQL says so.
    """
    plan = Plan()
    applied = [key for key in found.loader.applied_migrations if key in found.loader.graph.nodes]
    for place, step in enumerate(steps):
        done = {other.key for other in steps[:place]}
        if step.backwards:
            before = [key for key in applied if key not in done and key != step.key]
        else:
            before = [*applied, *done]
        statements = [] if place or found.recorder.has_table() else _table(found)
        yield step, [*statements, *_statements(found, step, before, plan)]


def _statements(found: MigrationExecutor, step: Step, before: list[Key], plan: Plan) -> list[str]:
    """Return the SQL of a step for a database that has the migrations in `before`."""
    # For an empty list, `project_state()` would leave out apps without migrations.
    state = found.loader.project_state(before) if before else ProjectState(real_apps=found.loader.unmigrated_apps)
    statements = [*statements_of(step.migration, state, plan, backwards=step.backwards), _record(found, step)]
    return ["BEGIN;", *statements, "COMMIT;"] if step.is_atomic else statements


def _record(found: MigrationExecutor, step: Step) -> str:
    table = connection.ops.quote_name(found.recorder.Migration._meta.db_table)
    app, name = ("'{}'".format(word.replace("'", "''")) for word in step.key)
    if step.backwards:
        return f"DELETE FROM {table} WHERE app = {app} AND name = {name};"  # noqa: S608 - only printed, and quoted
    return f"INSERT INTO {table} (app, name, applied) VALUES ({app}, {name}, now());"  # noqa: S608 - the same


def _table(found: MigrationExecutor) -> list[str]:
    """Return the statements that create Django's migrations table."""
    with connection.schema_editor(collect_sql=True) as editor:
        editor.create_model(found.recorder.Migration)
    return list(editor.collected_sql)


def _irreversible(operations: Sequence[Operation]) -> Iterator[Operation]:
    for operation in operations:
        if isinstance(operation, SeparateDatabaseAndState):
            yield from _irreversible(operation.database_operations)
        elif not operation.reversible:
            yield operation
