"""Run granian in place of this process, so that it gets the signals."""

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

from keystone.development.known_accounts import refuse_known_accounts
from keystone.development.supervisor import watched_folders
from keystone.environment.env import SERVERS
from keystone.environment.variables import DEFAULT, environment
from keystone.exceptions import Refusal
from keystone.monitoring.metrics import folder
from keystone.server.ports import check_port
from keystone.text.one_line import in_one_line

HOST, PORT = "127.0.0.1", 8000
# A worker that is told to end while it loads the application does not hear it (it was forked with its parent's
# handlers), and granian waits for it without end. After so long it is killed; Kubernetes kills all after 30 s.
ENDING_SECONDS = 25
# Until then the old worker goes on serving, and the new one can load: several seconds on a busy machine.
RESPAWN_SECONDS = 20


class Unprotected(Refusal):
    """A public bind is refused while ENVIRONMENT is unset."""

    code = "unprotected"
    message: ClassVar[str | Promise] = _(
        "ENVIRONMENT is not set, so this is a developer's server, whose key everybody knows: it listens on 127.0.0.1 "
        "only. Set ENVIRONMENT=production for a server that others reach, or ENVIRONMENT=local to have it so."
    )


class NoReload(Refusal):
    """Files cannot be watched here."""

    code = "no_reload"


class NoMetricsFolder(Refusal):
    """Several processes cannot add up what they count."""

    code = "no_metrics_folder"

    def __init__(self, error: OSError) -> None:
        said = gettext("The workers need a folder that they can write to, in TMPDIR or named by %(name)s: %(error)s")
        super().__init__(said % {"name": folder.VARIABLE, "error": error.strerror or in_one_line(error)})


@dataclass(frozen=True, kw_only=True)
class Served:
    """How to serve.

    Attributes:
        host: a name, or an address; `0.0.0.0` listens on all.
        port: of TCP.
        workers: how many processes answer.
        reload: whether they start anew when a file changes.
        log_level: of the server and of the application; empty for what the settings say.
    """

    host: str = HOST
    port: int = PORT
    workers: int = 1
    reload: bool = False
    log_level: str = ""


def check(served: Served) -> str:
    """See whether it can be served so.

    Returns:
        The IP address of the host.

    Raises:
        Unprotected: others would reach what is meant for one machine.
        NoReload: this is a server, or what watches the files is missing.
        PortUnavailable: something else listens there, or we may not.
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
    """Become the server. It is told to end by SIGTERM or SIGINT, and to start its workers anew by SIGHUP.

    The workers read the files of settings by themselves, whenever they start.

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
    """Return the server's environment; what is in the files of settings, its workers read by themselves."""
    surroundings = environment().without_files()
    if served.log_level:
        surroundings["LOG_LEVEL"] = served.log_level.upper()
    if settings.ENVIRONMENT == "local" and environment().variables["PUBLIC_URL"].source == DEFAULT:
        # As `manage.py dev` does: links lead to this server, and its cookies are not those of one on another port.
        surroundings["PUBLIC_URL"] = f"http://localhost:{served.port}"
    surroundings.pop(folder.VARIABLE, None)  # an empty value would count for the library
    return surroundings


def counting_together(served: Served) -> dict[str, str]:
    """Where the workers add up what they count for Prometheus; nothing where one of them is all.

    The folder is made new, or emptied where the operator names one: what the last server counted would go on.

    Raises:
        NoMetricsFolder: it cannot be written to.
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
    """The command line of granian; what it does not say, `GRANIAN_…` in the environment does."""
    module, _dot, name = settings.WSGI_APPLICATION.rpartition(".")
    arguments = [sys.executable, "-m", "granian", "--interface", "wsgi", f"{module}:{name}"]
    arguments += ["--host", address, "--port", str(served.port), "--workers", str(served.workers)]
    if served.log_level:
        arguments += ["--log-level", served.log_level]
    if "GRANIAN_WORKERS_KILL_TIMEOUT" not in os.environ:
        arguments += ["--workers-kill-timeout", str(ENDING_SECONDS)]
    if not served.reload and "GRANIAN_RESPAWN_INTERVAL" not in os.environ:
        arguments += ["--respawn-interval", str(RESPAWN_SECONDS)]
    if settings.LOG_FORMAT == "json" and "GRANIAN_LOG_CONFIG" not in os.environ:
        arguments += ["--log-config", str(settings.SERVER_LOG_CONFIG)]
    if served.reload:
        arguments.append("--reload")
        for watched in filter(Path.is_dir, watched_folders()):
            arguments += ["--reload-paths", str(watched)]
    return arguments
