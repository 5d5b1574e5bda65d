"""Create databases with the properties of another one."""

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

_PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin"}
_PLACE = """
SELECT d.oid, pg_get_userbyid(d.datdba), pg_encoding_to_char(d.encoding), d.datcollate, d.datctype, d.datlocprovider,
    {locale}, t.spcname, d.datconnlimit, shobj_description(d.oid, 'pg_database'), d.datacl IS NOT NULL
FROM pg_database d JOIN pg_database usual ON usual.datname = 'template0'
LEFT JOIN pg_tablespace t ON t.oid = d.dattablespace AND t.oid <> usual.dattablespace WHERE d.datname = %s
"""
_SETTINGS = """
SELECT pg_get_userbyid(NULLIF(setrole, 0)), split_part(one, '=', 1), substr(one, strpos(one, '=') + 1)
FROM pg_db_role_setting, unnest(setconfig) AS one WHERE setdatabase = %s
"""
_GRANTS = """
SELECT pg_get_userbyid(NULLIF(grantee, 0)), privilege_type, is_grantable
FROM pg_database, aclexplode(datacl) WHERE oid = %s
"""


@dataclass(frozen=True)
class DatabaseProperties:
    """The properties of a database, without its contents.

    Attributes:
        provider: the locale provider: `libc`, `icu` or `builtin`.
        locale: the locale of the provider; None for libc, which uses `collate` and `ctype`.
        tablespace: None for the server's default, which not every role may name.
        has_grants: whether privileges on the database were granted or revoked.
    """

    name: str
    oid: int
    owner: str
    encoding: str
    collate: str
    ctype: str
    provider: str
    locale: str | None
    tablespace: str | None
    connection_limit: int
    comment: str | None
    has_grants: bool


def place(connection: psycopg.Connection[Any], name: str) -> DatabaseProperties | None:
    """Return the properties of a database, or None if it does not exist."""
    locale = "d.datlocale" if connection.info.server_version >= 170_000 else "d.daticulocale"
    row = connection.execute(_PLACE.format(locale=locale).encode(), [name]).fetchone()
    if row is None:
        return None
    oid, owner, encoding, collate, ctype, provider, locale, *rest = row
    return DatabaseProperties(name, oid, owner, encoding, collate, ctype, _PROVIDERS[provider], locale, *rest)


def make(connection: psycopg.Connection[Any], name: str, *, like: DatabaseProperties | None, comment: str) -> None:
    """Create an empty database with the encoding and collation of another one.

    If there is none, use the defaults of the server.
    """
    parts: list[sql.Composable] = [sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name))]
    if like is None:
        parts.append(sql.SQL("ENCODING 'UTF8'"))
    else:
        options = {"ENCODING": like.encoding, "LC_COLLATE": like.collate, "LC_CTYPE": like.ctype}
        options |= {"LOCALE_PROVIDER": like.provider}
        if like.locale is not None:
            options |= {"BUILTIN_LOCALE" if like.provider == "builtin" else "ICU_LOCALE": like.locale}
        parts += [sql.SQL("{} {}").format(sql.SQL(key), sql.Literal(value)) for key, value in options.items()]
        if like.tablespace is not None:
            parts.append(sql.SQL("TABLESPACE {}").format(sql.Identifier(like.tablespace)))
    connection.execute(sql.SQL(" ").join(parts))
    remark(connection, name, comment)


def dress(connection: psycopg.Connection[Any], name: str, *, like: DatabaseProperties) -> None:
    """Copy the settings, grants, connection limit, comment and owner of another database.

    Must be called in a transaction.
    """
    database = sql.Identifier(name)
    for role, key, value in connection.execute(_SETTINGS, [like.oid]).fetchall():
        # Set it for this transaction and copy it from there, so that PostgreSQL itself quotes the value.
        connection.execute("SELECT set_config(%s, %s, true)", [key, value])
        whom = sql.SQL("ALTER DATABASE {}").format(database)
        if role:
            whom = sql.SQL("ALTER ROLE {} IN DATABASE {}").format(sql.Identifier(role), database)
        parts = sql.SQL(".").join(map(sql.Identifier, key.split(".")))
        connection.execute(sql.SQL("{} SET {} FROM CURRENT").format(whom, parts))
    if like.has_grants:
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
        for role, privilege, grantable in connection.execute(_GRANTS, [like.oid]).fetchall():
            to = sql.Identifier(role) if role else sql.SQL("PUBLIC")
            option = sql.SQL("WITH GRANT OPTION" if grantable else "")
            grant = sql.SQL("GRANT {} ON DATABASE {} TO {} {}")
            connection.execute(grant.format(sql.SQL(privilege), database, to, option))
    if like.connection_limit >= 0:
        limit = sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}")
        connection.execute(limit.format(database, sql.Literal(like.connection_limit)))
    remark(connection, name, like.comment)
    connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(database, sql.Identifier(like.owner)))


def remark(connection: psycopg.Connection[Any], name: str, comment: str | None) -> None:
    """Set the comment of a database; None removes it."""
    connection.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(name), sql.Literal(comment)))


def drop(connection: psycopg.Connection[Any], name: str) -> None:
    """Drop a database, even if clients are connected to it."""
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
