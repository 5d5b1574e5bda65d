"""The web server of a developer's machine: Django's own, restarted when a file changes."""

import os
import signal
import sys
from contextlib import suppress

from django.core.management import call_command

from keystone.development.companions import Companions

ADDRESS = "127.0.0.1"


def end_on_signals() -> None:
    """End in order on Ctrl-C, when the terminal closes and when somebody asks, so that what we started ends with us.

    A shell without job control starts what runs in its background with Ctrl-C ignored: the handler is set anew.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(0))


def serve(port: int) -> None:
    """Serve until the process is told to end, with a worker and a scheduler beside the server.

    The server is a process of its own, which is started anew when a file changes. It runs `manage.py runserver`,
    because Django lets that command alone live on while the code on disk is broken.
    """
    arguments = ["runserver", f"{ADDRESS}:{port}"]
    companions = Companions()
    sys.argv[1:] = arguments
    try:
        companions.start()
        call_command(*arguments)
    finally:
        companions.stop()
        # On Ctrl-C Django kills the server's process and does not wait for its end. We do: while it dies, it still
        # counts as a user of the embedded database, and the last user stops that.
        with suppress(ChildProcessError):
            while True:
                os.wait()
