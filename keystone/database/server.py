"""Facts about the database server: its URL without secrets, and how it answers."""

import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Timer
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
from django.db import InterfaceError, OperationalError, connection
from django.utils.translation import gettext

from keystone.exceptions import Refusal
from keystone.text.masked_urls import MASK, OPEN
from keystone.text.one_line import in_one_line

TIMEOUT = 10.0  # seconds for connecting and querying, unless the settings say otherwise
IN_ADDRESS = ("user", "password", "host", "port", "dbname")


class NoAnswer(Refusal):
    """The database does not answer."""

    code = "no_answer"
    status = 503

    def __init__(self, error: Exception) -> None:
        text = gettext("The database does not answer: %(said)s")
        super().__init__(text % {"said": in_one_line(error)})


@dataclass(frozen=True)
class Server:
    """A database and its server.

    Attributes:
        version: such as 18.1.
        address: the URL, with every secret masked.
        size: size of the database in bytes.
    """

    version: str
    address: str
    database: str
    size: int


@dataclass(frozen=True)
class ServerAnswer:
    """How a server answered.

    Attributes:
        connect_ms: milliseconds to connect.
        query_ms: milliseconds for the round trip of a query.
        connections: number of connected clients, including this one.
        max_connections: maximum number of connected clients.
        reserved_connections: how many of these are reserved for administrators of the server.
        read_only: whether the server refuses writes.
        standby: whether the server is a replica of another server.
    """

    version: str
    address: str
    connect_ms: float
    query_ms: float
    connections: int
    max_connections: int
    reserved_connections: int
    read_only: bool
    standby: bool


def server() -> Server:
    """Return facts about the database in use.

    Raises:
        OperationalError: the database does not answer.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database(), pg_database_size(current_database())")
        name, size = cursor.fetchone()
        info = cursor.connection.info
    return Server(version=_version(info), address=_address(info), database=name, size=size)


def ask(*, timeout: float | None = None) -> ServerAnswer:
    """Open a new connection and measure how the server answers.

    Args:
        timeout: maximum total time in seconds, at least 2; defaults to the connection timeout of the settings.

    Raises:
        NoAnswer: the database does not answer.
    """
    try:
        return _ask(timeout)
    except (OperationalError, InterfaceError) as error:
        raise NoAnswer(error) from error


def _ask(timeout: float | None) -> ServerAnswer:
    begun = time.perf_counter()
    with _new_connection(timeout) as new, new.cursor() as cursor:
        connected = time.perf_counter()
        cursor.execute("SELECT 1")
        cursor.fetchone()
        answered = time.perf_counter()
        # A role without the right to see the details of other backends gets NULL for their `backend_type`.
        cursor.execute(
            "SELECT (SELECT count(*) FROM pg_stat_activity WHERE datid IS NOT NULL AND usesysid IS NOT NULL"
            "   AND coalesce(backend_type, 'client backend') = 'client backend'),"
            " current_setting('max_connections')::int,"
            " current_setting('superuser_reserved_connections')::int"
            "   + coalesce(current_setting('reserved_connections', true), '0')::int,"
            " current_setting('transaction_read_only') = 'on', pg_is_in_recovery()"
        )
        [(connections, most, reserved, read_only, standby)] = cursor.fetchall()
        return ServerAnswer(
            version=_version(new.info),
            address=_address(new.info),
            connect_ms=round((connected - begun) * 1000, 1),
            query_ms=round((answered - connected) * 1000, 1),
            connections=connections,
            max_connections=most,
            reserved_connections=reserved,
            read_only=read_only,
            standby=standby,
        )


@contextmanager
def _new_connection(timeout: float | None) -> Iterator[psycopg.Connection[Any]]:
    """Open a separate connection and close it at the end of the block.

    It is opened by psycopg, because Django would also open its usual connection.
    """
    known = connection.get_connection_params().items()
    wanted = {name: value for name, value in known if name not in {"cursor_factory", "context"}}
    if timeout is not None:
        wanted["connect_timeout"] = timeout
    seconds = float(wanted.get("connect_timeout") or TIMEOUT)
    end = time.monotonic() + seconds
    with connection.wrap_database_errors:
        new: psycopg.Connection[Any] = psycopg.connect(**{**wanted, "autocommit": True})
        try:
            with _until(end, new, seconds):
                yield new
        finally:
            new.close()


@contextmanager
def _until(end: float, new: psycopg.Connection[Any], seconds: float) -> Iterator[None]:
    """Shut down the connection when the time is over.

    A client may wait for ever after it has connected: a pooler accepts every client and lets it wait for a server
    connection. No setting of PostgreSQL limits that.

    Raises:
        OperationalError: the time was over.
    """
    is_over = Event()
    with socket.socket(fileno=os.dup(new.fileno())) as its:

        def cut_off() -> None:
            is_over.set()
            its.shutdown(socket.SHUT_RDWR)

        timer = Timer(max(0.1, end - time.monotonic()), cut_off)
        timer.start()
        try:
            yield
        except psycopg.Error as error:
            if not is_over.is_set():
                raise
            text = gettext("it accepted the connection, but did not answer within %(seconds)g s")
            raise psycopg.OperationalError(text % {"seconds": seconds}) from error
        finally:
            timer.cancel()
            timer.join()


def _version(info: psycopg.ConnectionInfo) -> str:
    major, minor = divmod(info.server_version, 10_000)
    return f"{major}.{minor}"


def _address(info: psycopg.ConnectionInfo) -> str:
    """Return the masked URL of a connection."""
    set_here = connection.settings_dict["OPTIONS"]  # leaves out parameters that the driver sets itself
    return masked_address(
        {name: value for name, value in info.get_parameters().items() if name in set_here},
        host=info.host,
        port=info.port,
        user=info.user,
        database=info.dbname,
        has_password=bool(info.password),
    )


def masked_address(
    options: Mapping[str, str], *, host: str, port: int, user: str, database: str, has_password: bool
) -> str:
    """Return the URL of a database with its secrets masked.

    Args:
        options: connection options; those that could be secret are masked.
        host: a name, an IP address, or the directory of a Unix socket.
    """
    shown = {name: value if name in OPEN else MASK for name, value in options.items() if name not in IN_ADDRESS}
    if host.startswith("/"):
        shown, host = {"host": host, **shown}, ""
    elif ":" in host:
        host = f"[{host}]"
    name = quote(user, safe="") + (f":{MASK}" if has_password else "")
    query = urlencode(shown, safe="/*")
    return f"postgresql://{name}@{host}:{port}/{quote(database, safe='')}" + (f"?{query}" if query else "")
