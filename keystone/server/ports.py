"""Check that a port is free before preparing a server."""

import errno
import socket
from typing import ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from keystone.exceptions import Refusal

OTHER = 8000  # suggested if the next port is privileged or doesn't exist
LOWEST = 1024  # ports below are privileged


class PortUnavailable(Refusal):
    """The server can't listen on the port."""

    code = "port_unavailable"
    message: ClassVar[str | Promise] = _("This port cannot be used.")


def check_port(host: str, port: int) -> str:
    """Check that a server can listen on a port.

    Args:
        host: a name or IP address of this machine.

    Returns:
        The IP address of the host.

    Raises:
        PortUnavailable: the port is in use or not permitted, or there is no such host.
    """
    try:
        family, kind, protocol, _name, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError):
        raise PortUnavailable(gettext("There is no host %(host)s.") % {"host": host}) from None
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(place)
            probe.listen(1)
        except OSError as error:
            raise PortUnavailable(_why(error, host, port)) from None
    return str(place[0])


def _why(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        text = gettext("Port %(port)s is in use. Stop what uses it, or choose another one: --port %(other)s")
    elif error.errno == errno.EADDRNOTAVAIL:
        text = gettext("%(host)s is not an address of this machine.")
    else:
        text = gettext("Port %(port)s of %(host)s cannot be used (%(why)s). Choose another one: --port %(other)s")
    other = port + 1 if LOWEST <= port < 65535 else OTHER
    return text % {"port": port, "other": other, "host": host, "why": error.strerror}
