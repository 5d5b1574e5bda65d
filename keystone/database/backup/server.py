"""The configured PostgreSQL server, as used by this package and by PostgreSQL's programs."""

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
# Timeouts that a role or a database may set for the site. A backup may take hours, so they are disabled.
LIMITS = ["statement_timeout", "lock_timeout", "transaction_timeout"]
LIMITS += ["idle_in_transaction_session_timeout", "idle_session_timeout"]
MAINTENANCE = ("postgres", "template1")  # databases that every server has


class ServerRefuses(Refusal):
    """PostgreSQL reported an error."""

    code = "server_refuses"
    status = 503

    def __init__(self, error: psycopg.Error) -> None:
        said = " ".join(str(error.diag.message_primary or error).split()) or type(error).__name__
        super().__init__(gettext("PostgreSQL error: %(said)s") % {"said": said})


@dataclass(frozen=True)
class Address:
    """The connection parameters of a database.

    Attributes:
        name: the name of the database.
        parameters: parameters of libpq, including the password.
    """

    name: str
    parameters: dict[str, str] = field(repr=False)

    @property
    def server(self) -> str:
        """The host and port for display."""
        return f"{self.parameters.get('host', '')}:{self.parameters.get('port', '')}".strip(":")

    def connect(self, name: str | None = None, *, autocommit: bool = True) -> psycopg.Connection[Any]:
        """Connect to this database or another one on the same server, with all timeouts of the role disabled.

        Raises:
            psycopg.Error: the server does not answer.
        """
        wanted = {**self.parameters, "dbname": name or self.name, "application_name": "keystone backup"}
        connection = psycopg.connect(**wanted, autocommit=True)  # type: ignore[arg-type]  # libpq takes strings
        connection.execute("SELECT set_config(name, '0', false) FROM pg_settings WHERE name = ANY (%s)", [LIMITS])
        # Text output must be readable with any settings.
        connection.execute("SET DateStyle = ISO; SET IntervalStyle = postgres; SET TimeZone = 'UTC'")
        connection.autocommit = autocommit
        return connection

    def connect_beside(self) -> psycopg.Connection[Any]:
        """Connect to another database on the same server, from which this one can be renamed.

        Raises:
            psycopg.Error: the server does not answer.
        """
        first, *others = [name for name in MAINTENANCE if name != self.name]
        try:
            return self.connect(first)
        except psycopg.OperationalError:
            if not others:
                raise
            return self.connect(others[0])

    def environment(self) -> dict[str, str]:
        """Return the environment for PostgreSQL's programs. The password is passed only in it."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "LC_"))}
        named = {VARIABLES[key]: value for key, value in self.parameters.items() if VARIABLES[key]}
        return {**inherited, **named, "PGAPPNAME": "keystone backup", "LC_ALL": "C"}  # their output is parsed

    def target(self, name: str | None = None) -> str:
        """Return the connection string for a command line.

        It contains only parameters that have no environment variable, and no secrets.
        """
        bare = {key: value for key, value in self.parameters.items() if not VARIABLES[key] and key not in SECRETS}
        return make_conninfo("", **{**bare, "dbname": name or self.name})


def configured() -> Address:
    """Return the connection parameters of the settings. The embedded server is started if it is used.

    Raises:
        SessionNeeded: a pooler would hand the connection on.
    """
    need_session()
    known = connections[DEFAULT_DB_ALIAS].get_connection_params()
    parameters = {key: str(value) for key, value in known.items() if key in VARIABLES and value is not None}
    return Address(name=parameters.pop("dbname"), parameters=parameters)


def close_usual() -> None:
    """Close Django's default connection and its pool."""
    connection = connections[DEFAULT_DB_ALIAS]
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # the PostgreSQL backend has it


@contextmanager
def usual_database(name: str) -> Iterator[None]:
    """Let Django's default connection use another database on the same server.

    Migrations that do not use the given connection use that database, too.
    """
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
    """Return the server's version as a string, and the major version."""
    row = connection.execute("SHOW server_version").fetchone()
    return (str(row[0]).split()[0] if row else ""), connection.info.server_version // 10_000


@contextmanager
def errors_told() -> Iterator[None]:
    """Turn errors of PostgreSQL in the block into a refusal.

    Raises:
        ServerRefuses: PostgreSQL reported an error; the message contains it.
    """
    try:
        yield
    except psycopg.Error as error:
        raise ServerRefuses(error) from error
