"""Reset the database: drop everything and apply all migrations."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from django.conf import settings
from django.db import Error, connection
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from keystone.caching.versions import changed
from keystone.database import running
from keystone.database.emptying import disconnect, drop_everything, refuse_others
from keystone.database.locking import LOCK_TIMEOUT, migrating
from keystone.database.locking import lock_timeout as waiting_at_most
from keystone.database.mark import mark
from keystone.database.planning import executor
from keystone.environment.env import SERVERS
from keystone.exceptions import Refusal
from keystone.text.one_line import in_one_line

_HERE = {"localhost", "127.0.0.1", "::1"}


class OnServer(Refusal):
    """The environment is staging or production."""

    code = "on_server"
    status: ClassVar[int] = 403

    def __init__(self) -> None:
        text = gettext("This environment is %(name)s. Its database can be reset only with --override-production.")
        super().__init__(text % {"name": settings.ENVIRONMENT})


class Marked(Refusal):
    """The database is marked as the database of a server."""

    code = "marked"
    status: ClassVar[int] = 403

    def __init__(self, text: str) -> None:
        said = gettext(
            "This database is marked: %(mark)s. It cannot be reset by any option. If it is a copy "
            "that can be lost, remove the mark first: db mark --remove."
        )
        super().__init__(said % {"mark": text})


class AsksForName(Refusal):
    """`--force` works only on a developer's own machine."""

    code = "asks_for_name"
    message: ClassVar[str | Promise] = _(
        "--force is for the local environment and a database server on this machine. Give --database NAME."
    )


class ResetFailed(Refusal):
    """The reset failed; the message says in which state the database is."""

    code = "reset_failed"
    status: ClassVar[int] = 500


@dataclass(frozen=True)
class ResetTarget:
    """The name and location of a database.

    Attributes:
        database: its name.
        server: the host and port, or the directory of the socket.
        is_here: whether the server is on this machine, or appears to be because of a tunnel.
    """

    database: str
    server: str
    is_here: bool


def place() -> ResetTarget:
    """Return the name and location of the database this process is connected to.

    Raises:
        OperationalError: the database does not answer.
    """
    connection.ensure_connection()
    info = connection.connection.info
    return placed(info.dbname, host=info.host, address=info.hostaddr, port=info.port)


def placed(database: str, *, host: str, address: str, port: int) -> ResetTarget:
    """Return the name and location of a database from its connection parameters.

    Args:
        host: a name, an IP address, or the directory of a socket.
        address: the IP address of the host; a name may resolve to another machine.
    """
    is_socket = not host or host.startswith(("/", "@"))
    is_here = is_socket or {host, address or host} <= _HERE
    return ResetTarget(database, host if is_socket else f"{host}:{port}", is_here)


def refuse(*, override: bool, ends_others: bool) -> None:
    """Raise the errors of `reset` before the user is asked for confirmation.

    Raises:
        Refusal: as for `reset`, or the migrations contradict each other and could not be applied again.
        OperationalError: the database does not answer.
    """
    if settings.ENVIRONMENT in SERVERS and not override:
        raise OnServer
    there = mark()
    if there is not None:
        raise Marked(there)
    if not ends_others:
        refuse_others()
    executor(fits=False)  # an inconsistent history is what a reset repairs


def refuse_force() -> None:
    """Check that the database can be reset without typing its name.

    Raises:
        AsksForName: this is not a developer's own machine.
    """
    if settings.ENVIRONMENT not in {"local", "testing"} or not place().is_here:
        raise AsksForName


def reset(
    *,
    override: bool = False,
    ends_others: bool = False,
    lock_timeout: float = LOCK_TIMEOUT,
    said: Callable[[str], None],
) -> list[str]:
    """Drop everything in the schema of the database and apply all migrations.

    Everything is dropped in one transaction, before the migrations run. If dropping fails, the database is unchanged.
    If a migration fails, the database has no data, and `upgrade` can complete the schema.

    Args:
        override: allow it in production and staging. A marked database is never reset.
        ends_others: end the connections of other clients instead of raising an error.
        lock_timeout: seconds that a statement waits for a lock; 0 waits for ever.
        said: called with a message for each step.

    Returns:
        The applied migrations as `app.name`.

    Raises:
        OnServer: the environment is production or staging.
        Marked: the database is marked as the database of a server.
        InUse: other clients are connected.
        ResetFailed: nothing could be dropped, or the database is empty and a migration failed.
        OperationalError: the database does not answer.
    """
    refuse(override=override, ends_others=ends_others)
    with migrating(said) as ours:
        tables = _empty(ours, ends_others=ends_others, lock_timeout=lock_timeout)
        said(gettext("Dropped: %(tables)d tables and views") % {"tables": tables})
        try:
            migrations = running.run(seconds=lock_timeout, said=said)
        except (Refusal, Error) as error:
            text = gettext(
                "Everything was dropped, but migrating failed. Run db upgrade when the cause is fixed. %(why)s"
            )
            raise ResetFailed(text % {"why": in_one_line(error)}) from error
        finally:
            changed()  # values that were cached from the dropped rows
    return migrations


def _empty(ours: int, *, ends_others: bool, lock_timeout: float) -> int:
    """Check the mark and the clients again, now that the lock is held, and drop everything."""
    there = mark()
    if there is not None:
        raise Marked(there)
    try:
        if ends_others:
            disconnect(ours=ours)
        else:
            refuse_others(ours=ours)
        with waiting_at_most(lock_timeout):
            return drop_everything()
    except Error as error:
        text = gettext("Nothing was dropped: %(why)s")
        raise ResetFailed(text % {"why": in_one_line(error)}) from error
