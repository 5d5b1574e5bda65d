"""Settings for tests: their own database server and folders, no network, cheap password hashes."""

from pathlib import Path

from keystone.environment import env
from keystone.settings import passwords

SECRET_KEY = "testing-only-insecure-key-that-production-refuses-to-start-with"  # noqa: S105 - tests only
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
# Static files are looked up in the packages when requested: they need not be collected.
STATIC_ROOT = None
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = True
# Argon2id at full cost would take most of the suite's time; its tests set TEST_PASSWORD_HASHER=real.
PASSWORD_HASHERS = list(passwords.PASSWORD_HASHERS)
if env.choice("TEST_PASSWORD_HASHER", "cheap", ("cheap", "real")) == "cheap":
    PASSWORD_HASHERS.insert(0, "django.contrib.auth.hashers.MD5PasswordHasher")
SENTRY_DSN = env.text("TEST_SENTRY_DSN", "")  # tests of Sentry use their own server
SENTRY_TRACES_SAMPLE_RATE = 1.0
# If a folder is set, mails are written to it as in development, for tests of the served application.
if env.text("MAIL_FOLDER", ""):
    MAIL_FOLDER = Path(env.text("MAIL_FOLDER"))
    MAILERS: dict[str, dict[str, object]] = {
        "default": {"BACKEND": "keystone.mail.backends.FolderBackend", "OPTIONS": {"folder": MAIL_FOLDER}}
    }
