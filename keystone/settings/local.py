"""Settings for development on one machine: nothing to install, mails in a folder, readable errors."""

from urllib.parse import urlsplit

from keystone.environment import env
from keystone.settings import base
from keystone.settings.cookies import cookie_names

DEBUG = True
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", *env.words("ALLOWED_HOSTS", [])]
# Only for this environment, whose data never leaves the machine; production refuses to start with it.
SECRET_KEY = env.text("SECRET_KEY", "local-only-insecure-key-that-production-refuses-to-start-with")

# Several clones may run at once, each on its own port.
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME, LANGUAGE_COOKIE_NAME = cookie_names(
    base.PROJECT_NAME, port=urlsplit(str(base.KEYSTONE["PUBLIC_URL"])).port
)

# Static files are served from the packages: they need not be collected.
STATIC_ROOT = None

MAIL_FOLDER = base.DATA_DIR / "mails"
if not (env.text("SMTP_HOST", "") or base.EMAIL_PROVIDER):
    MAILERS: dict[str, dict[str, object]] = {
        "default": {
            "BACKEND": "keystone.mail.backends.FolderBackend",
            "OPTIONS": {"folder": MAIL_FOLDER},
        }
    }
