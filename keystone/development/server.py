"""The processes of `manage.py dev`: web server, worker and scheduler."""

import signal
import sys

from keystone.development.supervisor import Child, supervise

ADDRESS = "127.0.0.1"


def end_on_signals() -> None:
    """Exit cleanly on Ctrl-C, SIGTERM and SIGHUP, so that child processes end as well.

    A shell without job control starts background processes with SIGINT ignored, so its handler is set, too.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(0))


def serve(port: int) -> None:
    """Run the web server, a worker and a scheduler until the process is told to stop."""
    server = Child("web server", ("runserver", f"{ADDRESS}:{port}", "--noreload"))
    others = [Child("worker", ("worker", "--shutdown-timeout", "5")), Child("scheduler", ("scheduler",))]
    supervise(server, others, port=port)
