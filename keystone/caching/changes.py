"""Detect changed tables in SQL statements: signals would miss set-based writes.

Each commit that wrote gives its tables new tokens, in one call to the cache. It does so for every table and not only
for those that something kept depends on: which these are, a worker that has never loaded the views could not know.
"""

import re
from collections.abc import Callable
from typing import Any

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from keystone.caching.tokens import (
    ERA,
    ModelOrLabel,
    alias_of,
    is_shared,
    key_of,
    known_tables,
    renew,
    tables_of,
    touches,
)

TARGET = re.compile(
    r'\s*(?:INSERT\s+INTO|UPDATE(?:\s+ONLY)?|DELETE\s+FROM(?:\s+ONLY)?)\s+(?:(?:"[^"]+"|\w+)\s*\.\s*)?("[^"]+"|\w+)',
    re.IGNORECASE,
)
WRITES = re.compile(r"\b(?:INSERT|UPDATE|DELETE|MERGE)\b", re.IGNORECASE)
# Statements that begin so write no row.
READING = ("SELECT", "SAVEPOINT", "RELEASE", "ROLLBACK", "SET", "RESET", "SHOW", "FETCH", "CLOSE", "LISTEN", "NOTIFY")


def changed(*models: ModelOrLabel) -> None:
    """Say that rows of these models were written by a way that cannot be seen; without any, that all may have been.

    Called in a transaction, it takes effect when that commits.
    """
    if not is_shared():
        return
    for model in models:
        _note(connections[alias_of(model)], set(tables_of(model)))
    if not models:
        transaction.on_commit(lambda: renew([ERA]))


class Change:
    """What waits for the commit of a transaction: the tables that it wrote."""

    def __init__(self, database: str, tables: set[str]) -> None:
        self.database = database
        self.tables = tables

    def __call__(self) -> None:
        """It was committed."""
        renew([key_of(self.database, table) for table in sorted(self.tables)])


def is_writing(models: tuple[ModelOrLabel, ...]) -> bool:
    """Whether this thread is in a transaction that has written rows of these: what it sees is nobody else's."""
    for alias in {alias_of(model) for model in models}:
        waiting: list[Any] = connections[alias].run_on_commit
        for _sids, function, _robust in waiting:
            if isinstance(function, Change) and touches(models, function.tables):
                return True
    return False


def written(sql: str) -> set[str]:
    """The tables of models that a statement may write."""
    begin = sql.lstrip("( \n\t")[:9].upper()
    is_single = ";" not in sql
    if is_single and (begin.startswith(READING) or (begin.startswith("WITH") and not WRITES.search(sql))):
        return set()
    tables = known_tables()
    match = TARGET.match(sql) if is_single else None
    # `INSERT INTO … WITH … AS (DELETE …)` writes a second one.
    if match and not (begin.startswith("INSERT") and "WITH" in sql.upper()):
        name = match[1].strip('"')
        return {name, name.lower()} & tables
    lower = sql.lower()
    return {table for table in tables if table.lower() in lower}


def _watch(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:  # noqa: FBT001 - Django's
    if not is_shared():
        return execute(sql, params, many, context)
    connection = context["connection"]
    tables = written(_text(sql, connection))
    if not tables:
        return execute(sql, params, many, context)
    try:
        return execute(sql, params, many, context)
    finally:  # a statement whose answer was lost on the way may have been carried out
        _note(connection, tables)


def _text(sql: Any, connection: BaseDatabaseWrapper) -> str:
    if isinstance(sql, str):
        return sql
    if isinstance(sql, bytes):
        return sql.decode()
    text: str = sql.as_string(connection.connection)  # psycopg's composed statements
    return text


def _note(connection: BaseDatabaseWrapper, tables: set[str]) -> None:
    change = Change(str(connection.settings_dict["NAME"]), set(tables))
    if not connection.in_atomic_block:
        change()
        return
    waiting: list[Any] = connection.run_on_commit
    for sids, function, _robust in (*waiting[:1], *waiting[-1:]):
        # It is undone with a savepoint that this statement is in as well: it may carry this statement's tables.
        if isinstance(function, Change) and sids <= set(connection.savepoint_ids):
            function.tables |= tables
            return
    # Before all others: one of them might read what is kept, or fail and take the rest with it. In Django's TestCase
    # nothing is committed, and what it captures are the last ones.
    is_test = getattr(connection.atomic_blocks[0], "_from_testcase", False)
    waiting.insert(len(waiting) if is_test else 0, (set(connection.savepoint_ids), change, False))


def _install(*, connection: BaseDatabaseWrapper, **_: Any) -> None:
    if _watch not in connection.execute_wrappers:
        connection.execute_wrappers.append(_watch)


connection_created.connect(_install, dispatch_uid="keystone.caching.changes")
