"""Development on one machine: nothing to install, mails in a folder, readable errors."""

from config import env
from config.settings.base import *

DEBUG = True
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", *env.words("ALLOWED_HOSTS", [])]
# Only for this environment, whose data never leaves the machine; production refuses to start with it.
SECRET_KEY = env.text("SECRET_KEY", "local-only-insecure-key-that-production-refuses-to-start-with")

MIDDLEWARE += ["keystone.development.schema_hint.SchemaHintMiddleware"]  # tells of a forgotten migration

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
