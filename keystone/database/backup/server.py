"""The PostgreSQL server of the settings, for this package and PostgreSQL's programs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from django.utils.translation import gettext
from psycopg import pq
from psycopg.conninfo import make_conninfo

from keystone.database.locking import need_session
from keystone.exceptions import Refusal

SECRETS = {"password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"}
VARIABLES = {
    option.keyword.decode(): option.envvar.decode() if option.envvar else "" for option in pq.Conninfo.get_defaults()
}
# Of sessions and statements. A role's or a database's are meant for the site, not for what may take hours.
LIMITS = ["statement_timeout", "lock_timeout", "transaction_timeout"]
LIMITS += ["idle_in_transaction_session_timeout", "idle_session_timeout"]
MAINTENANCE = ("postgres", "template1")  # databases that every server has


class ServerRefuses(Refusal):
    """PostgreSQL does not do what was asked."""

    code = "server_refuses"
    status = 503

    def __init__(self, error: psycopg.Error) -> None:
        said = " ".join(str(error.diag.message_primary or error).split()) or type(error).__name__
        super().__init__(gettext("PostgreSQL does not do it: %(said)s") % {"said": said})


@dataclass(frozen=True)
class Address:
    """Where a database is, and who signs in there.

    Attributes:
        name: the database's.
        parameters: libpq's own words, the password among them.
    """

    name: str
    parameters: dict[str, str] = field(repr=False)

    @property
    def server(self) -> str:
        """The host and port, for people."""
        return f"{self.parameters.get('host', '')}:{self.parameters.get('port', '')}".strip(":")

    def connect(self, name: str | None = None, *, autocommit: bool = True) -> psycopg.Connection[Any]:
        """Connect to the database, or to another one of the same server; without the limits of the role's statements.

        Raises:
            psycopg.Error: it does not answer.
        """
        wanted = {**self.parameters, "dbname": name or self.name, "application_name": "keystone backup"}
        connection = psycopg.connect(**wanted, autocommit=True)  # type: ignore[arg-type]  # libpq takes text for all
        connection.execute("SELECT set_config(name, '0', false) FROM pg_settings WHERE name = ANY (%s)", [LIMITS])
        # What is written as text must read the same anywhere.
        connection.execute("SET DateStyle = ISO; SET IntervalStyle = postgres; SET TimeZone = 'UTC'")
        connection.autocommit = autocommit
        return connection

    def connect_beside(self) -> psycopg.Connection[Any]:
        """Connect to a database of the same server that is not this one: from there it can be renamed.

        Raises:
            psycopg.Error: neither answers.
        """
        first, *others = [name for name in MAINTENANCE if name != self.name]
        try:
            return self.connect(first)
        except psycopg.OperationalError:
            if not others:
                raise
            return self.connect(others[0])

    def environment(self) -> dict[str, str]:
        """The environment of PostgreSQL's programs. The password is in it, and nowhere else."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "LC_"))}
        named = {VARIABLES[key]: value for key, value in self.parameters.items() if VARIABLES[key]}
        return {**inherited, **named, "PGAPPNAME": "keystone backup", "LC_ALL": "C"}  # we read what they say

    def target(self, name: str | None = None) -> str:
        """A database's address for a command line: what has no variable of the environment, and no secret."""
        bare = {key: value for key, value in self.parameters.items() if not VARIABLES[key] and key not in SECRETS}
        return make_conninfo("", **{**bare, "dbname": name or self.name})


def configured() -> Address:
    """The database of the settings; the embedded server is started where it is that.

    Raises:
        SessionNeeded: it is behind a pooler that hands connections on.
    """
    need_session()
    known = connections[DEFAULT_DB_ALIAS].get_connection_params()
    parameters = {key: str(value) for key, value in known.items() if key in VARIABLES and value is not None}
    return Address(name=parameters.pop("dbname"), parameters=parameters)


def close_usual() -> None:
    """Close Django's own connection to the database of the settings, and those that its pool keeps."""
    connection = connections[DEFAULT_DB_ALIAS]
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's has it


@contextmanager
def usual_database(name: str) -> Iterator[None]:
    """Let Django work on another database of the same server: also a migration that asks for no connection does."""
    settings = connections[DEFAULT_DB_ALIAS].settings_dict
    usual = settings["NAME"]
    close_usual()
    settings["NAME"] = name
    try:
        yield
    finally:
        close_usual()
        settings["NAME"] = usual


def server_version(connection: psycopg.Connection[Any]) -> tuple[str, int]:
    """The server's version, as it is written and its first number."""
    row = connection.execute("SHOW server_version").fetchone()
    return (str(row[0]).split()[0] if row else ""), connection.info.server_version // 10_000


@contextmanager
def errors_told() -> Iterator[None]:
    """Turn what PostgreSQL says in the block into a refusal.

    Raises:
        ServerRefuses: with its words.
    """
    try:
        yield
    except psycopg.Error as error:
        raise ServerRefuses(error) from error
