"""Migrations as SQL. Python operations in them are reported, not executed.

For `sqlmigrate`, Django replaces a Python operation by a comment, but not one inside a SeparateDatabaseAndState: that
one is executed, although the SQL should only be printed.
"""

from collections.abc import Sequence
from copy import copy
from typing import Any

from django.db.migrations import Migration
from django.db.migrations.operations import SeparateDatabaseAndState
from django.db.migrations.operations.base import Operation


class _Told(Operation):
    """An operation that writes a comment in place of one that cannot be expressed as SQL."""

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Leave the state unchanged: the replaced operation changes the database only."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        schema_editor.collected_sql.append("-- THIS OPERATION CANNOT BE WRITTEN AS SQL")

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        self.database_forwards(app_label, schema_editor, from_state, to_state)


def sql_only(migration: Migration) -> Migration:
    """Return a copy of the migration in which nested Python operations are replaced by a comment."""
    written = copy(migration)
    operations = [_sql_only(operation) for operation in migration.operations]
    written.operations = operations  # type: ignore[misc]  # as its own __init__ does
    return written


def _sql_only(operation: Operation) -> Operation:
    if not isinstance(operation, SeparateDatabaseAndState):
        return operation  # Django writes the comment itself
    told = copy(operation)
    told.database_operations = _nested(operation.database_operations)
    return told


def _nested(operations: Sequence[Operation]) -> list[Operation]:
    return [_sql_only(operation) if operation.reduces_to_sql else _Told() for operation in operations]
