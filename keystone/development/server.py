"""What `manage.py dev` runs: web server, worker and scheduler."""

import signal
import sys

from keystone.development.supervisor import Child, supervise

ADDRESS = "127.0.0.1"


def end_on_signals() -> None:
    """End in order on Ctrl-C, SIGTERM and SIGHUP, so that what this process has started ends with it.

    A shell without job control starts what runs in its background with Ctrl-C ignored: the handler is set anew.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(0))


def serve(port: int) -> None:
    """Serve until the process is told to end, with a worker and a scheduler beside the web server."""
    server = Child("web server", ("runserver", f"{ADDRESS}:{port}", "--noreload"))
    others = [Child("worker", ("worker", "--shutdown-timeout", "5")), Child("scheduler", ("scheduler",))]
    supervise(server, others, port=port)
