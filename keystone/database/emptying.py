"""Drop everything in a schema and list the other clients of a database."""

import time
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext

from keystone.exceptions import Refusal

# Each query returns DROP statements. Objects of extensions stay:
# an administrator created the extensions, and migrations cannot.
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
)  # most sequences are dropped with their tables
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
    """Other clients are connected."""

    code = "in_use"

    def __init__(self, found: "list[Client]") -> None:
        named = ", ".join(f"{client.pid} ({client.name or '?'})" for client in found)
        text = gettext(
            "Others are connected to this database: process %(named)s. Stop them, or end their "
            "connections with --disconnect."
        )
        super().__init__(text % {"named": named})


@dataclass(frozen=True)
class Client:
    """Another client's connection to this database.

    Attributes:
        pid: the process id of the server process that handles it.
        name: the client's `application_name`.
    """

    pid: int
    name: str


def refuse_others(*, ours: int = 0) -> None:
    """Raise an error if others are connected. Clients that are just disconnecting get half a second.

    Args:
        ours: as for `clients`.

    Raises:
        InUse: somebody is still connected.
    """
    _leave_pool()
    end = time.monotonic() + _GOING_FOR
    while found := clients(ours=ours):
        if time.monotonic() > end:
            raise InUse(found)
        time.sleep(0.02)


def clients(*, ours: int = 0) -> list[Client]:
    """Return the other clients of this database.

    Args:
        ours: process id of another connection that belongs to this command.
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
    """End the connections of others. Nothing prevents them from connecting again.

    Args:
        ours: as for `clients`.

    Raises:
        InUse: somebody is still connected after five seconds.
        ProgrammingError: a connection belongs to another role.
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
    """Close the connection pool for the rest of this process: its idle connections would count as clients."""
    django: Any = connection
    if django.settings_dict["OPTIONS"].get("pool"):
        django.close()
        django.close_pool()
        django.settings_dict["OPTIONS"]["pool"] = None


def drop_everything() -> int:
    """Drop all tables, views, sequences, routines and types of the schema in one transaction.

    Returns:
        The number of tables and views that were dropped.

    Raises:
        ProgrammingError: an object belongs to another role.
        OperationalError: an object is in use for longer than the lock timeout.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        for statements in (_RELATIONS, _TYPES, _ROUTINES):  # a range type owns routines that are dropped with it
            cursor.execute(statements)
            found = [statement for [statement] in cursor.fetchall()]
            for statement in found:
                cursor.execute(statement)
            if statements is _RELATIONS:
                tables = sum(not statement.startswith("DROP SEQUENCE") for statement in found)
    return tables
