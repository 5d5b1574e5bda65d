"""The tests: a database server and folders of their own, no network, cheap password hashes."""

import os
from datetime import timedelta
from pathlib import Path

os.environ["ENVIRONMENT"] = "testing"  # whatever the shell says: these settings are for nothing else

from config import env
from config.settings.base import *
from config.settings.passwords import PASSWORD_HASHERS

SECRET_KEY = "testing-only-insecure-key-that-production-refuses-to-start-with"  # noqa: S105 - tests only
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
# Static files come straight from the packages, looked up when they are asked for: nothing has to be collected.
STATIC_ROOT = None
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = True
# Argon2id at full cost would be most of the suite's time; tests of it set TEST_PASSWORD_HASHER=real.
if env.choice("TEST_PASSWORD_HASHER", "cheap", ("cheap", "real")) == "cheap":
    PASSWORD_HASHERS.insert(0, "django.contrib.auth.hashers.MD5PasswordHasher")
# A task is done when the call that enqueued it is over; with TEST_TASKS=queue, a worker does it.
if env.choice("TEST_TASKS", "immediate", ("immediate", "queue")) == "immediate":
    TASKS["default"]["BACKEND"] = "keystone.background.immediate.ImmediateBackend"
# Applications of the tests' own processes, and how soon such a process tries a mail again.
INSTALLED_APPS += env.words("TEST_APPS", [])
if env.text("TEST_MAIL_RETRY_SECONDS", ""):
    KEYSTONE["MAIL_RETRY_AFTER"] = timedelta(seconds=env.number("TEST_MAIL_RETRY_SECONDS", 10, minimum=1))
SENTRY_DSN = env.text("TEST_SENTRY_DSN", "")  # tests of what Sentry is told name a server of their own
SENTRY_TRACES_SAMPLE_RATE = 1.0
# With a folder named, mails are written there as in development: tests of the served application read them.
if env.text("MAIL_FOLDER", ""):
    MAIL_FOLDER = Path(env.text("MAIL_FOLDER"))
    MAILERS = {"default": {"BACKEND": "keystone.mail.backends.FolderBackend", "OPTIONS": {"folder": MAIL_FOLDER}}}
