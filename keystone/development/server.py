"""The web server of a developer's machine: Django's own, restarted when a file changes."""

import errno
import os
import signal
import socket
import sys
from contextlib import suppress
from typing import ClassVar

from django.core.management import call_command
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from keystone.refusals import Refusal

ADDRESS = "127.0.0.1"


class PortUnavailable(Refusal):
    """The port cannot be listened on."""

    code = "port_unavailable"
    message: ClassVar[str | Promise] = _("This port cannot be used.")


def check_port(port: int) -> None:
    """See whether the server could listen on `port`.

    Raises:
        PortUnavailable: something else does, or we may not.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                text = gettext("Port %(port)s is taken. Stop what uses it, or choose another one: --port %(other)s")
            else:
                text = gettext("Port %(port)s cannot be used (%(why)s). Choose another one: --port %(other)s")
            other = port + 1 if port != 65535 else 8000
            values = {"port": port, "why": error.strerror, "other": 8001 if port < 1024 else other}
            raise PortUnavailable(text % values) from None


def end_on_signals() -> None:
    """End in order on Ctrl-C, when the terminal closes and when somebody asks, so that what we started ends with us.

    A shell without job control starts what runs in its background with Ctrl-C ignored: the handler is set anew.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(0))


def serve(port: int) -> None:
    """Serve until the process is told to end.

    The server is a process of its own, which is started anew when a file changes. It runs `manage.py runserver`,
    because Django lets that command alone live on while the code on disk is broken.
    """
    arguments = ["runserver", f"{ADDRESS}:{port}"]
    sys.argv[1:] = arguments
    try:
        call_command(*arguments)
    finally:
        # On Ctrl-C Django kills the server's process and does not wait for its end. We do: while it dies, it still
        # counts as a user of the embedded database, and the last user stops that.
        with suppress(ChildProcessError):
            while True:
                os.wait()
