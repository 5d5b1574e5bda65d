"""Migrations as SQL. Python in them is reported, not run.

Django writes a comment in the place of a Python operation, but not where it stands inside a SeparateDatabaseAndState:
there it runs it, while somebody only wants to read.
"""

from collections.abc import Sequence
from copy import copy
from typing import Any

from django.db.migrations import Migration
from django.db.migrations.operations import SeparateDatabaseAndState
from django.db.migrations.operations.base import Operation


class _Told(Operation):
    """The comment in the place of an operation that is not SQL."""

    def state_forwards(self, app_label: str, state: Any) -> None:
        """What it stands for changes the database only."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Write the comment."""
        schema_editor.collected_sql.append("-- THIS OPERATION CANNOT BE WRITTEN AS SQL")

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """The same."""
        self.database_forwards(app_label, schema_editor, from_state, to_state)


def sql_only(migration: Migration) -> Migration:
    """The same migration, for writing it down; the given one stays as it is."""
    written = copy(migration)
    operations = [_sql_only(operation) for operation in migration.operations]
    written.operations = operations  # type: ignore[misc]  # as its own __init__ does
    return written


def _sql_only(operation: Operation) -> Operation:
    if not isinstance(operation, SeparateDatabaseAndState):
        return operation  # Django tells of it
    told = copy(operation)
    told.database_operations = _nested(operation.database_operations)
    return told


def _nested(operations: Sequence[Operation]) -> list[Operation]:
    return [_sql_only(operation) if operation.reduces_to_sql else _Told() for operation in operations]
