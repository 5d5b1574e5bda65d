"""Development on one machine: nothing to install, mails in a folder, readable errors."""

from urllib.parse import urlsplit

from config import env
from config.settings.base import *
from config.settings.cookies import cookie_prefix

DEBUG = True
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", *env.words("ALLOWED_HOSTS", [])]
# Only for this environment, whose data never leaves the machine; production refuses to start with it.
SECRET_KEY = env.text("SECRET_KEY", "local-only-insecure-key-that-production-refuses-to-start-with")

MIDDLEWARE += ["keystone.development.schema_hint.SchemaHintMiddleware"]  # tells of a forgotten migration

# Several clones may run at once, each on a port of its own.
COOKIE_PREFIX = cookie_prefix(PROJECT_NAME, port=urlsplit(str(KEYSTONE["PUBLIC_URL"])).port)
SESSION_COOKIE_NAME = f"{COOKIE_PREFIX}sessionid"
CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}csrftoken"
LANGUAGE_COOKIE_NAME = f"{COOKIE_PREFIX}language"

# Static files come straight from the packages: nothing has to be collected.
STATIC_ROOT = None

MAIL_FOLDER = DATA_DIR / "mails"
if not (env.text("SMTP_HOST", "") or EMAIL_PROVIDER):
    MAILERS = {
        "default": {
            "BACKEND": "keystone.mail.backends.FolderBackend",
            "OPTIONS": {"folder": MAIL_FOLDER},
        }
    }
