"""Reset the database: drop everything and apply all migrations."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from django.conf import settings
from django.db import Error, connection
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

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
    """This environment is one that strangers use."""

    code = "on_server"
    status: ClassVar[int] = 403

    def __init__(self) -> None:
        text = gettext("This environment is %(name)s. Only --override-production resets a database there.")
        super().__init__(text % {"name": settings.ENVIRONMENT})


class Marked(Refusal):
    """The database itself says that it is one of a server's."""

    code = "marked"
    status: ClassVar[int] = 403

    def __init__(self, text: str) -> None:
        said = gettext(
            "This database is marked: %(mark)s. No option resets it. If it is a copy that may go, take the mark off"
            " first: db mark --remove."
        )
        super().__init__(said % {"mark": text})


class AsksForName(Refusal):
    """`--force` is for a developer's own machine."""

    code = "asks_for_name"
    message: ClassVar[str | Promise] = _(
        "--force is for the local environment and a database server on this machine. Give --database NAME."
    )


class ResetFailed(Refusal):
    """The reset failed, and says how the database stands."""

    code = "reset_failed"
    status: ClassVar[int] = 500


@dataclass(frozen=True)
class Place:
    """Which database it is.

    Attributes:
        database: its name.
        server: the host and the port, or the folder of the socket.
        is_here: whether the server is on this machine, or looks so through a tunnel.
    """

    database: str
    server: str
    is_here: bool


def place() -> Place:
    """Which database this process is connected to.

    Raises:
        OperationalError: it does not answer.
    """
    connection.ensure_connection()
    info = connection.connection.info
    return placed(info.dbname, host=info.host, address=info.hostaddr, port=info.port)


def placed(database: str, *, host: str, address: str, port: int) -> Place:
    """A database as its connection gives it.

    Args:
        host: a name, an address, or the folder of a socket.
        address: the host's, which the name may hide.
    """
    is_socket = not host or host.startswith(("/", "@"))
    is_here = is_socket or {host, address or host} <= _HERE
    return Place(database, host if is_socket else f"{host}:{port}", is_here)


def refuse(*, override: bool, ends_others: bool) -> None:
    """Refuse what `reset` would refuse, before anybody is asked.

    Raises:
        Refusal: see `reset`; or the migrations contradict each other, so that nothing could be made anew.
        OperationalError: the database does not answer.
    """
    if settings.ENVIRONMENT in SERVERS and not override:
        raise OnServer
    there = mark()
    if there is not None:
        raise Marked(there)
    if not ends_others:
        refuse_others()
    executor(fits=False)  # a history that contradicts itself is what a reset mends


def refuse_force() -> None:
    """Refuse to go on without the database's name.

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
    """Drop everything in the database's schema, and make it anew by the migrations.

    Dropping is one transaction, and the migrations come after it. What fails before leaves everything as it was; what
    fails after leaves a database without data that `upgrade` brings to the end.

    Args:
        override: do it in production or staging as well. A database that is marked is not reset even so.
        ends_others: end the connections of others instead of refusing because of them.
        lock_timeout: how long a statement waits for a lock, in seconds; 0 waits for ever.
        said: is told of each step.

    Returns:
        The migrations that were applied, as `app.name`.

    Raises:
        OnServer: this is production or staging.
        Marked: the database is a server's.
        InUse: others are connected.
        ResetFailed: it could not be dropped, or is empty now and a migration failed.
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
                "Everything was dropped, but making it anew failed. Run db upgrade when that is mended. %(why)s"
            )
            raise ResetFailed(text % {"why": in_one_line(error)}) from error
    return migrations


def _empty(ours: int, *, ends_others: bool, lock_timeout: float) -> int:
    """Look once more, now under the lock, and drop."""
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
