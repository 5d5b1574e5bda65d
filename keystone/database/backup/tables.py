"""The tables of a database and their foreign keys."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from django.contrib.auth import get_user_model
from psycopg import sql

# Partitions are listed instead of partitioned tables. Generated columns are left out: they cannot be written.
_TABLES = """
SELECT n.nspname, c.relname, array_remove(array_agg(a.attname::text ORDER BY a.attnum), NULL)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
GROUP BY n.nspname, c.relname ORDER BY n.nspname, c.relname
"""
_REFERENCES = """
SELECT n.nspname, c.relname, tn.nspname, t.relname, bool_and(a.attnotnull)
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class t ON t.oid = k.confrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace
JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)
WHERE k.contype = 'f' GROUP BY k.oid, n.nspname, c.relname, tn.nspname, t.relname
"""
_SEQUENCES = """
SELECT n.nspname, c.relname, tn.nspname, t.relname, s.last_value
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_sequences s ON s.schemaname = n.nspname AND s.sequencename = c.relname
LEFT JOIN pg_depend d ON d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
    AND d.refclassid = 'pg_class'::regclass
LEFT JOIN pg_class t ON t.oid = d.refobjid LEFT JOIN pg_namespace tn ON tn.oid = t.relnamespace
WHERE c.relkind = 'S' ORDER BY n.nspname, c.relname
"""


@dataclass(frozen=True, order=True)
class Name:
    """The name of a table or sequence."""

    schema: str
    name: str

    def __str__(self) -> str:
        return self.name if self.schema == "public" else f"{self.schema}.{self.name}"

    @property
    def quoted(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)

    @property
    def pattern(self) -> str:
        """A pattern for pg_dump's `--table` that matches exactly this table."""
        return ".".join('"' + part.replace('"', '""') + '"' for part in (self.schema, self.name))


@dataclass(frozen=True)
class Table:
    """A table with its writable columns."""

    name: Name
    columns: list[str]


@dataclass(frozen=True)
class Reference:
    """A foreign key; `required` if none of its columns is nullable."""

    table: Name
    to: Name
    required: bool


@dataclass(frozen=True)
class Numbering:
    """A sequence that has been used, with its last number and the table that owns it."""

    name: Name
    table: Name | None
    last: int


def tables(connection: psycopg.Connection[Any]) -> list[Table]:
    """Return the tables, each after those it refers to, except for circular references."""
    found = [Table(Name(schema, name), columns) for schema, name, columns in connection.execute(_TABLES)]
    return in_order(found, references(connection))


def references(connection: psycopg.Connection[Any]) -> list[Reference]:
    """Return the foreign keys of the database."""
    rows = connection.execute(_REFERENCES)
    return [
        Reference(Name(schema, name), Name(to_schema, to), required) for schema, name, to_schema, to, required in rows
    ]


def sequences(connection: psycopg.Connection[Any]) -> list[Numbering]:
    """Return the sequences that have been used."""
    return [
        Numbering(Name(schema, name), Name(owner_schema, owner) if owner else None, last)
        for schema, name, owner_schema, owner, last in connection.execute(_SEQUENCES)
        if last is not None
    ]


def rows(connection: psycopg.Connection[Any], table: Name) -> int:
    """Return the exact number of rows of a table."""
    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(table.quoted)).fetchone()
    return int(row[0]) if row else 0


def in_order(found: Sequence[Table], known: Iterable[Reference]) -> list[Table]:
    """Sort tables so that each comes after those it refers to. A cycle is broken at an arbitrary table."""
    by_name = {table.name: table for table in found}
    needs: dict[Name, list[Name]] = {name: [] for name in by_name}
    for reference in known:
        if reference.table in needs and reference.to in needs:
            needs[reference.table].append(reference.to)
    ordered: dict[Name, Table] = {}
    seen: set[Name] = set()

    def put(name: Name) -> None:
        if name not in seen:
            seen.add(name)
            for needed in sorted(needs[name]):
                put(needed)
            ordered[name] = by_name[name]

    for name in by_name:
        put(name)
    return list(ordered.values())


def of_people(found: Sequence[Table], known: Sequence[Reference], people: Name) -> list[Table]:
    """Return the table of people, the tables of what belongs to them, and the tables that these refer to.

    A row belongs to a person if it cannot exist without one, that is, if it has a foreign key that is never NULL.
    """
    chosen = {people}
    while more := {one.table for one in known if one.required and one.to in chosen} - chosen:
        chosen |= more
    while more := {one.to for one in known if one.table in chosen} - chosen:
        chosen |= more
    return [table for table in found if table.name in chosen]


def people_table(connection: psycopg.Connection[Any]) -> Name:
    """Return the name of the user table in the schema that Django uses."""
    row = connection.execute("SELECT current_schema()").fetchone()
    return Name(row[0] if row and row[0] else "public", get_user_model()._meta.db_table)


def mark(connection: psycopg.Connection[Any]) -> str | None:
    """Return the comment that marks a database against being reset: see `keystone.database.mark`."""
    row = connection.execute("SELECT obj_description(to_regclass('django_migrations'), 'pg_class')").fetchone()
    return row[0] if row else None
