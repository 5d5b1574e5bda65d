"""The CSV format of backups: one file per table."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql

from keystone.database.backup.manifest import CHUNK, Rows
from keystone.database.backup.tables import Name, Table

FOLDER = "csv"
# An empty cell is NULL, a quoted empty cell an empty string. On import, the header must match the columns.
_OUT = sql.SQL("COPY {} ({}) TO STDOUT WITH (FORMAT csv, HEADER true, ENCODING 'UTF8')")
_IN = sql.SQL("COPY {} ({}) FROM STDIN WITH (FORMAT csv, HEADER match, ENCODING 'UTF8')")


def path_of(name: Name) -> str:
    """Return the path of a table's file relative to the backup's folder.

    Characters that file systems do not accept are percent-encoded.
    """
    schema = quote(name.schema, safe=" ").replace(".", "%2E")
    return f"{FOLDER}/{schema}.{quote(name.name, safe=' ')}.csv"


def write(connection: psycopg.Connection[Any], table: Table, folder: Path) -> None:
    """Write a table's rows in chunks.

    Args:
        connection: in the transaction whose snapshot is backed up.
    """
    path = folder / path_of(table.name)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.touch(mode=0o600)
    with path.open("wb") as file, connection.cursor().copy(_statement(_OUT, table.name, table.columns)) as copy:
        for piece in copy:
            file.write(piece)


def load(connection: psycopg.Connection[Any], table: Rows, folder: Path) -> None:
    """Load a table's rows into the database in chunks.

    Raises:
        psycopg.Error: the file has other columns, or PostgreSQL rejects a row.
    """
    statement = _statement(_IN, table.identity, table.columns)
    with (folder / path_of(table.identity)).open("rb") as file, connection.cursor().copy(statement) as copy:
        while piece := file.read(CHUNK):
            copy.write(piece)


def _statement(pattern: sql.SQL, name: Name, columns: list[str]) -> sql.Composed:
    return pattern.format(name.quoted, sql.SQL(", ").join(map(sql.Identifier, columns)))
