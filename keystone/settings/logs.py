"""Logging and Sentry: see `keystone.observability.logs` and docs/operations/logs.md."""

from pathlib import Path
from typing import Any

from keystone.environment import env

ENVIRONMENT = env.environment()
_IS_SERVER = ENVIRONMENT in env.SERVERS

LOG_FORMAT = env.choice("LOG_FORMAT", "json" if _IS_SERVER else "lines", ("json", "lines"))
ENABLE_FILE_LOGGING = env.flag("ENABLE_FILE_LOGGING", default=False)
LOG_FOLDER = Path(env.text("LOG_FOLDER", str(env.data_folder() / "logs")))
# Log warnings and uncaught exceptions, too. pytest handles both itself.
LOG_UNCAUGHT = LOG_FORMAT == "json" or ENVIRONMENT != "testing"

LOGGING_CONFIG = "keystone.observability.logs.configuring.configure"
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"no_requests": {"()": "keystone.observability.logs.access.ServerFilter"}},
    "handlers": {"loguru": {"class": "keystone.observability.logs.intercepting.InterceptHandler"}},
    "root": {
        "handlers": ["loguru"],
        "level": env.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")),
    },
    # Remove all other handlers: Django and granian add some to their loggers.
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.server": {"handlers": [], "level": "INFO", "propagate": True, "filters": ["no_requests"]},
        "_granian": {"handlers": [], "propagate": True},
        "granian.access": {"handlers": [], "level": "WARNING", "propagate": True},  # ours has the request's id
        # Their messages about each task are noise; failures are logged as errors.
        "django.tasks": {"level": "WARNING"},
        "procrastinate": {"level": "WARNING"},
        "apscheduler": {"level": "WARNING"},
        "urllib3": {"level": "ERROR"},  # it logs each retry when Sentry is unavailable
        # They log the hash range sent to the breach service. Keystone logs failures itself.
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
        "pwned_passwords_django": {"level": "CRITICAL"},
    },
}

# Errors are sent to Sentry only from staging and production, if a DSN is set.
SENTRY_DSN = env.text("SENTRY_DSN", "") if _IS_SERVER else ""
SENTRY_ENVIRONMENT = env.line("SENTRY_ENVIRONMENT", ENVIRONMENT)
SENTRY_RELEASE = env.line("SENTRY_RELEASE", "")
SENTRY_TRACES_SAMPLE_RATE = env.share("SENTRY_TRACES_SAMPLE_RATE", 0.0)
