"""The SQL of migrations that are not applied yet.

To drop a constraint, Django looks up its name in the database. The constraint may not exist yet, because an earlier
step of the plan creates it. The name of a foreign key is then taken from the SQL of that step. PostgreSQL chooses all
other names, so a comment says what is missing and how to get it.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection
from django.db.backends.postgresql.schema import DatabaseSchemaEditor
from django.db.migrations import Migration
from django.db.migrations.state import ProjectState
from django.utils.translation import gettext

from keystone.database.sql_only import sql_only

_TABLE = re.compile(r'(CREATE|ALTER) TABLE "([^"]+)"')
_RENAMED = re.compile(r'ALTER TABLE "([^"]+)" RENAME (?:COLUMN .* TO .*|TO "([^"]+)")')
_ADDED = re.compile(
    r'ALTER TABLE "([^"]+)" ADD (?:COLUMN "([^"]+)" .*)?CONSTRAINT "([^"]+)" (?:FOREIGN KEY \("([^"]+)"\) )?REFERENCES '
)
_DROPPED = re.compile(r'DROP CONSTRAINT "([^"]+)"')


class Plan:
    """What the statements of the previous steps of a plan would have created."""

    def __init__(self) -> None:
        self._created: set[str] = set()
        self._touched: set[str] = set()
        self._renamed: set[str] = set()
        self._keys: dict[str, tuple[str, str]] = {}  # table and column by the name of a foreign key

    def learn(self, statements: Iterable[str]) -> None:
        """Record what these statements create, change and drop."""
        for statement in statements:
            for what, table in _TABLE.findall(statement):
                (self._created if what == "CREATE" else self._touched).add(table)
            for before, after in _RENAMED.findall(statement):
                self._renamed |= {before, after or before}
            for name in _DROPPED.findall(statement):
                self._keys.pop(name, None)
            for table, added, name, column in _ADDED.findall(statement):
                self._keys[name] = (table, column or added)

    def keys(self, table: str, columns: Sequence[str] | None) -> list[str]:
        """Return the names of a table's foreign keys on a single column."""
        return [name for name, (its, column) in self._keys.items() if its == table and [column] == columns]

    def hides(self, table: str, *, foreign_key: bool) -> bool:
        """Return whether the table may by then have a constraint that does not exist now."""
        if foreign_key:
            return table in self._renamed or (table not in self._created and not _exists(table))
        return table in self._created | self._touched | self._renamed or not _exists(table)


class _Editor(DatabaseSchemaEditor):
    """A schema editor that collects SQL and the tables with a constraint whose name is unknown."""

    def __init__(self, plan: Plan, *, atomic: bool) -> None:
        super().__init__(connection, collect_sql=True, atomic=atomic)
        self._plan = plan
        self.unnamed: list[str] = []

    def _constraint_names(self, model: Any, column_names: Sequence[str] | None = None, **wanted: Any) -> list[str]:
        found: list[str] = super()._constraint_names(model, column_names, **wanted)  # type: ignore[misc]  # not public
        if found:
            return found
        table, is_key = model._meta.db_table, bool(wanted.get("foreign_key"))
        self._plan.learn(self.collected_sql)
        if is_key:
            found = self._plan.keys(table, column_names)
        if not found and table not in self.unnamed and self._plan.hides(table, foreign_key=is_key):
            self.unnamed.append(table)
        return found


def statements_of(migration: Migration, state: ProjectState, plan: Plan, *, backwards: bool = False) -> list[str]:
    """Return the SQL for applying or undoing a migration. Transaction statements are not included.

    Args:
        state: the project state before the migration.
        plan: the previous steps; this migration is added to it.
    """
    written = sql_only(migration)
    try:
        with _Editor(plan, atomic=bool(migration.atomic)) as editor:
            (written.unapply if backwards else written.apply)(state, editor, collect_sql=True)
    except ValueError:  # Django raises it if a constraint name is not found
        if not editor.unnamed:
            raise
    plan.learn(editor.collected_sql)
    text = gettext(
        "-- INCOMPLETE: a constraint of %(table)s has no name yet. Apply the migrations before "
        "this one, then print its SQL again."
    )
    return [*(text % {"table": table} for table in editor.unnamed), *editor.collected_sql]


def _exists(table: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [connection.ops.quote_name(table)])
        return bool(cursor.fetchone()[0])
