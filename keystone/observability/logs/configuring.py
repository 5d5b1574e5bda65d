"""Configure logging. Django calls `configure` at every start: of a server, a command, a worker and the tests."""

import logging
import logging.config
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, cast

from django.conf import settings
from loguru import logger

from keystone.observability.logs.files import file_sink
from keystone.observability.logs.intercepting import pass_gate
from keystone.observability.logs.lines import Format, as_json, as_lines
from keystone.observability.logs.masking import remember
from keystone.observability.logs.sinks import StderrSink

_python = logging.getLogger("python")


def configure(config: dict[str, Any]) -> None:
    """Set up loguru's sinks and `logging`, and Sentry if a DSN is set.

    Args:
        config: `settings.LOGGING`, for `logging.config.dictConfig`.
    """
    remember(_secrets())
    folder = settings.LOG_FOLDER if settings.ENABLE_FILE_LOGGING else None
    install_sinks(cast("Format", settings.LOG_FORMAT), folder)
    logging.config.dictConfig(config)
    if settings.LOG_UNCAUGHT:
        log_uncaught()
    if settings.SENTRY_DSN:
        from keystone.observability.logs import sentry

        sentry.start()


def install_sinks(form: Format, folder: Path | None) -> None:
    """Replace loguru's sinks: write to stderr and, if `folder` is set, to files in it."""
    formatting = as_json if form == "json" else as_lines
    # Projects' own sinks get masked records, too: the patcher runs before all sinks.
    logger.configure(patcher=pass_gate)
    logger.remove()
    how: dict[str, Any] = {"level": 0, "colorize": False, "backtrace": False, "diagnose": False, "catch": True}
    logger.add(StderrSink(formatting), format="{message}", **how)
    if folder:
        logger.add(**file_sink(folder, formatting), **how)


def log_uncaught() -> None:
    """Log Python's warnings and uncaught exceptions, masked."""
    logging.captureWarnings(capture=True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, Exception):
        _python.critical("Uncaught: %s", kind.__name__, exc_info=(kind, error, trace))
    else:
        sys.__excepthook__(kind, error, trace)  # Ctrl-C


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        name = args.thread.name if args.thread else "?"
        exc_info = (args.exc_type, args.exc_value, args.exc_traceback)
        _python.critical("Uncaught in thread %s: %s", name, args.exc_type.__name__, exc_info=exc_info)


def _secrets() -> Iterator[str]:
    """Yield the secrets in the settings: keys, and passwords of services."""
    yield settings.SECRET_KEY
    yield from settings.SECRET_KEY_FALLBACKS
    yield settings.SENTRY_DSN
    yield settings.FIRST_SUPERUSER_PASSWORD
    yield str(settings.KEYSTONE.get("METRICS_TOKEN", ""))
    places: list[Mapping[str, Any]] = [*settings.DATABASES.values(), *getattr(settings, "MAILERS", {}).values()]
    places += [*settings.CACHES.values(), {"OPTIONS": getattr(settings, "ANYMAIL", {})}]
    for place in places:
        for name, value in [*place.items(), *dict(place.get("OPTIONS") or {}).items()]:
            if isinstance(value, str) and name.lower().rpartition("_")[2] in ("password", "key", "secret", "token"):
                yield value
