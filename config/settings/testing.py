"""The tests: a database server and folders of their own, no network, cheap password hashes."""

import os
from pathlib import Path

os.environ["ENVIRONMENT"] = "testing"  # whatever the shell says: these settings are for nothing else

from config import env
from config.settings.base import *

SECRET_KEY = "testing-only-insecure-key-that-production-refuses-to-start-with"  # noqa: S105 - tests only
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
# Static files come straight from the packages, looked up when they are asked for: nothing has to be collected.
STATIC_ROOT = None
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = True
# Argon2id at full cost would be most of the suite's time; the real hasher has its own test.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *PASSWORD_HASHERS]
# A task is done when the call that enqueued it is over; what runs it in earnest has its own tests.
TASKS = {"default": {"BACKEND": "django.tasks.backends.immediate.ImmediateBackend"}}
# With a folder named, mails are written there as in development: tests of the served application read them.
if env.text("MAIL_FOLDER", ""):
    MAIL_FOLDER = Path(env.text("MAIL_FOLDER"))
    MAILERS = {"default": {"BACKEND": "keystone.mail.backends.FolderBackend", "OPTIONS": {"folder": MAIL_FOLDER}}}
