"""Replace this process with granian, so that it receives the signals."""

import ipaddress
import os
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar, NoReturn

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from keystone.conf import options
from keystone.development.known_accounts import refuse_known_accounts
from keystone.development.supervisor import watched_folders
from keystone.environment.env import SERVERS
from keystone.environment.variables import DEFAULT, environment
from keystone.exceptions import Refusal
from keystone.monitoring.metrics import folder
from keystone.server.ports import check_port
from keystone.settings.database_pool import POOL
from keystone.text.one_line import in_one_line

HOST, PORT = "127.0.0.1", 8000
# A worker that is told to stop while it loads the application ignores it (it was forked with its parent's handlers),
# and granian would wait for it forever. It is killed after this time; Kubernetes kills all processes after 30 s.
ENDING_SECONDS = 25
# Until then the old worker continues to serve while the new one loads, which takes seconds on a busy machine.
RESPAWN_SECONDS = 20
# For requests that need neither a connection nor a password hash, such as liveness probes, while all others wait.
SPARE_THREADS = 40


class Unprotected(Refusal):
    """A public bind is refused while ENVIRONMENT is unset."""

    code = "unprotected"
    message: ClassVar[str | Promise] = _(
        "ENVIRONMENT is not set, so this is a development server, whose secret key is public: it "
        "listens on 127.0.0.1 only. Set ENVIRONMENT=production for a server that others can "
        "reach, or ENVIRONMENT=local to allow it anyway."
    )


class NoReload(Refusal):
    """Reloading is not available here."""

    code = "no_reload"


class NoMetricsFolder(Refusal):
    """Several processes can't share their metrics without a writable folder."""

    code = "no_metrics_folder"

    def __init__(self, error: OSError) -> None:
        said = gettext("The workers need a writable folder, in TMPDIR or named by %(name)s: %(error)s")
        super().__init__(said % {"name": folder.VARIABLE, "error": error.strerror or in_one_line(error)})


@dataclass(frozen=True, kw_only=True)
class Served:
    """The options of a server.

    Attributes:
        host: a name or an IP address; `0.0.0.0` listens on all interfaces.
        port: the TCP port.
        workers: the number of worker processes.
        reload: whether to restart them when a file changes.
        log_level: the log level of the server and the application; empty for that of the settings.
    """

    host: str = HOST
    port: int = PORT
    workers: int = 1
    reload: bool = False
    log_level: str = ""


def check(served: Served) -> str:
    """Check that a server can run with these options.

    Returns:
        The IP address of the host.

    Raises:
        Unprotected: the bind is public while ENVIRONMENT is unset.
        NoReload: reloading is for development only, or the package watchfiles is missing.
        PortUnavailable: the port is in use or not permitted, or there is no such host.
    """
    address = check_port(served.host, served.port)
    if environment().variables["ENVIRONMENT"].source == "default" and not ipaddress.ip_address(address).is_loopback:
        raise Unprotected
    if served.reload and (settings.ENVIRONMENT in SERVERS or not settings.DEBUG):
        raise NoReload(gettext("--reload is for development: it runs in the local environment only."))
    if served.reload and find_spec("watchfiles") is None:
        raise NoReload(gettext("--reload needs the package watchfiles: uv add --group dev 'granian[reload]'"))
    return address


def serve(served: Served) -> NoReturn:
    """Replace this process with the server. SIGTERM or SIGINT stops it; SIGHUP restarts its workers.

    The workers read the `.env` files themselves when they start.

    Raises:
        Refusal: see `check`, `refuse_known_accounts` and `counting_together`.
    """
    address = check(served)
    refuse_known_accounts()
    surroundings = surroundings_of(served) | counting_together(served)
    os.chdir(settings.BASE_DIR)
    sys.stdout.flush()
    sys.stderr.flush()
    arguments = command(served, address)
    os.execve(arguments[0], arguments, surroundings)  # noqa: S606 - our own interpreter, and no shell


def surroundings_of(served: Served) -> dict[str, str]:
    """Return the server's environment without the values of `.env` files, which its workers read themselves."""
    surroundings = environment().without_files()
    if served.log_level:
        surroundings["LOG_LEVEL"] = served.log_level.upper()
    if settings.ENVIRONMENT == "local" and environment().variables["PUBLIC_URL"].source == DEFAULT:
        # As in `manage.py dev`: links lead to this server, and its cookies differ from those of other ports.
        surroundings["PUBLIC_URL"] = f"http://localhost:{served.port}"
    surroundings.pop(folder.VARIABLE, None)  # the library would use an empty value
    return surroundings


def counting_together(served: Served) -> dict[str, str]:
    """Return the variable for the folder in which the workers share their metrics; empty for a single worker.

    The folder is new, or emptied if the operator names one. Otherwise the last server's counts would be continued.

    Raises:
        NoMetricsFolder: the folder isn't writable.
    """
    given = os.environ.get(folder.VARIABLE, "")
    if served.workers == 1 and not given:
        return {}
    try:
        if given:
            folder.empty(Path(given))
        return {folder.VARIABLE: given or folder.make_folder()}
    except OSError as error:
        raise NoMetricsFolder(error) from error


def command(served: Served, address: str) -> list[str]:
    """Return granian's command line. Other options can be set by `GRANIAN_…` in the environment."""
    module, _dot, name = settings.WSGI_APPLICATION.rpartition(".")
    arguments = [sys.executable, "-m", "granian", "--interface", "wsgi", f"{module}:{name}"]
    arguments += ["--host", address, "--port", str(served.port), "--workers", str(served.workers)]
    if served.log_level:
        arguments += ["--log-level", served.log_level]
    if "GRANIAN_WORKERS_KILL_TIMEOUT" not in os.environ:
        arguments += ["--workers-kill-timeout", str(ENDING_SECONDS)]
    if "GRANIAN_BLOCKING_THREADS" not in os.environ:
        arguments += ["--blocking-threads", str(threads())]
    if not served.reload and "GRANIAN_RESPAWN_INTERVAL" not in os.environ:
        arguments += ["--respawn-interval", str(RESPAWN_SECONDS)]
    if settings.LOG_FORMAT == "json" and "GRANIAN_LOG_CONFIG" not in os.environ:
        arguments += ["--log-config", str(settings.SERVER_LOG_CONFIG)]
    if served.reload:
        arguments.append("--reload")
        for watched in filter(Path.is_dir, watched_folders()):
            arguments += ["--reload-paths", str(watched)]
    return arguments


def threads() -> int:
    """Return the number of threads for each process: as many as may use or await a connection or a password hash.

    They are started when they are needed. By default, granian would allow fewer the more processes there are.
    """
    return sum((POOL["max_size"], POOL["max_waiting"], options().password_hashing_waiting, SPARE_THREADS))
