"""Logging and Sentry: see `keystone.observability.logs` and docs/operations/logs.md."""

from pathlib import Path
from typing import Any

from keystone.environment import env

ENVIRONMENT = env.environment()
_IS_SERVER = ENVIRONMENT in env.SERVERS

LOG_FORMAT = env.choice("LOG_FORMAT", "json" if _IS_SERVER else "lines", ("json", "lines"))
ENABLE_FILE_LOGGING = env.flag("ENABLE_FILE_LOGGING", default=False)
LOG_FOLDER = Path(env.text("LOG_FOLDER", str(env.data_folder() / "logs")))
# Warnings, and errors that nobody caught, as lines of the log too. pytest has its own way with both.
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
    # Every other handler is taken away: Django and granian give theirs to loggers of their own.
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.server": {"handlers": [], "level": "INFO", "propagate": True, "filters": ["no_requests"]},
        "_granian": {"handlers": [], "propagate": True},
        "granian.access": {"handlers": [], "level": "WARNING", "propagate": True},  # ours has the request's id
        # What they say of each task helps nobody; failures come at ERROR.
        "django.tasks": {"level": "WARNING"},
        "procrastinate": {"level": "WARNING"},
        "apscheduler": {"level": "WARNING"},
        "urllib3": {"level": "ERROR"},  # each of its retries, where Sentry does not answer
        # They name the range that the breach service was asked for; what fails is told by Keystone's own line.
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
        "pwned_passwords_django": {"level": "CRITICAL"},
    },
}

# Errors go to Sentry from staging and production alone, where a DSN is set.
SENTRY_DSN = env.text("SENTRY_DSN", "") if _IS_SERVER else ""
SENTRY_ENVIRONMENT = env.line("SENTRY_ENVIRONMENT", ENVIRONMENT)
SENTRY_RELEASE = env.line("SENTRY_RELEASE", "")
SENTRY_TRACES_SAMPLE_RATE = env.share("SENTRY_TRACES_SAMPLE_RATE", 0.0)
