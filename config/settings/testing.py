"""The tests: a database server and folders of their own, no network, cheap password hashes."""

import os
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
# A task is done when the call that enqueued it is over; tests of what runs it in earnest set TEST_TASKS=threads.
if env.choice("TEST_TASKS", "immediate", ("immediate", "threads")) == "immediate":
    TASKS = {"default": {"BACKEND": "django.tasks.backends.immediate.ImmediateBackend"}}
# With a folder named, mails are written there as in development: tests of the served application read them.
if env.text("MAIL_FOLDER", ""):
    MAIL_FOLDER = Path(env.text("MAIL_FOLDER"))
    MAILERS = {"default": {"BACKEND": "keystone.mail.backends.FolderBackend", "OPTIONS": {"folder": MAIL_FOLDER}}}
