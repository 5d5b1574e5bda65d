"""Drop everything in a schema, and find who is connected."""

import time
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext

from keystone.exceptions import Refusal

# Each gives statements. What an extension brought is left: an administrator made it, and migrations cannot.
_NO_EXTENSION = (
    " AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = {}::regclass AND d.objid = o.oid AND d.deptype = 'e')"
)
_RELATIONS = (
    """
SELECT format('DROP %s IF EXISTS %I.%I CASCADE', CASE o.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
              WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, n.nspname, o.relname)
FROM pg_class o JOIN pg_namespace n ON n.oid = o.relnamespace
WHERE n.nspname = current_schema() AND o.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
"""
    + _NO_EXTENSION.format("'pg_class'")
    + " ORDER BY o.relkind = 'S'"
)  # most sequences go with their tables
_ROUTINES = """
SELECT format('DROP ROUTINE IF EXISTS %I.%I(%s) CASCADE', n.nspname, o.proname,
              pg_get_function_identity_arguments(o.oid))
FROM pg_proc o JOIN pg_namespace n ON n.oid = o.pronamespace
WHERE n.nspname = current_schema()
""" + _NO_EXTENSION.format("'pg_proc'")
_TYPES = """
SELECT format('DROP TYPE IF EXISTS %I.%I CASCADE', n.nspname, o.typname)
FROM pg_type o JOIN pg_namespace n ON n.oid = o.typnamespace LEFT JOIN pg_class c ON c.oid = o.typrelid
WHERE n.nspname = current_schema() AND (o.typtype IN ('e', 'd', 'r') OR c.relkind = 'c')
""" + _NO_EXTENSION.format("'pg_type'")

_GONE_WITHIN = 5.0  # seconds
_GOING_FOR = 0.5  # seconds


class InUse(Refusal):
    """Others are connected."""

    code = "in_use"

    def __init__(self, found: "list[Client]") -> None:
        named = ", ".join(f"{client.pid} ({client.name or '?'})" for client in found)
        text = gettext(
            "Others are connected to this database: process %(named)s."
            " Stop them, or end their connections by --disconnect."
        )
        super().__init__(text % {"named": named})


@dataclass(frozen=True)
class Client:
    """Somebody else's connection to this database.

    Attributes:
        pid: of the server's process for it.
        name: what the client calls itself.
    """

    pid: int
    name: str


def refuse_others(*, ours: int = 0) -> None:
    """Refuse to go on while others are connected; those who are just leaving have a moment.

    Args:
        ours: as for `clients`.

    Raises:
        InUse: somebody is.
    """
    _leave_pool()
    end = time.monotonic() + _GOING_FOR
    while found := clients(ours=ours):
        if time.monotonic() > end:
            raise InUse(found)
        time.sleep(0.02)


def clients(*, ours: int = 0) -> list[Client]:
    """Who else is connected to this database.

    Args:
        ours: the process of another connection that this command has.
    """
    statement = (
        "SELECT pid, application_name FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid NOT IN (pg_backend_pid(), %s) AND coalesce(backend_type, 'client backend') = 'client backend'"
        " ORDER BY pid"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [ours])
        return [Client(pid, name or "") for pid, name in cursor.fetchall()]


def disconnect(*, ours: int = 0) -> None:
    """End the connections of others. They may come back at once.

    Args:
        ours: as for `clients`.

    Raises:
        InUse: one is still there after seconds.
        ProgrammingError: one is another role's.
    """
    _leave_pool()
    end = time.monotonic() + _GONE_WITHIN
    while found := clients(ours=ours):
        if time.monotonic() > end:
            raise InUse(found)
        with connection.cursor() as cursor:
            for client in found:
                cursor.execute("SELECT pg_terminate_backend(%s)", [client.pid])
        time.sleep(0.05)


def _leave_pool() -> None:
    """Give back production's pool of connections, for the rest of this process: it keeps some that nobody uses."""
    django: Any = connection
    if django.settings_dict["OPTIONS"].get("pool"):
        django.close()
        django.close_pool()
        django.settings_dict["OPTIONS"]["pool"] = None


def drop_everything() -> int:
    """Drop all tables, views, sequences, routines and types of the schema, in one transaction: all of them or none.

    Returns:
        How many tables and views there were.

    Raises:
        ProgrammingError: one is another role's.
        OperationalError: one is in use for longer than the lock timeout.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        for statements in (_RELATIONS, _TYPES, _ROUTINES):  # a range brings routines that go only with it
            cursor.execute(statements)
            found = [statement for [statement] in cursor.fetchall()]
            for statement in found:
                cursor.execute(statement)
            if statements is _RELATIONS:
                tables = sum(not statement.startswith("DROP SEQUENCE") for statement in found)
    return tables
