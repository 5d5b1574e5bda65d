"""Staging and production: everything unsafe is refused, nothing has a default that an attacker could know."""

import secrets

from config import env
from config.database_pool import POOL
from config.project import PROJECT_KEYSTONE
from config.settings import safety
from config.settings.base import *
from config.settings.cookies import cookie_prefix

SECRET_KEY = env.text("SECRET_KEY", "")
DATABASES["default"]["OPTIONS"].setdefault("pool", POOL)

SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
LANGUAGE_COOKIE_SECURE = True
COOKIE_PREFIX = cookie_prefix(PROJECT_NAME, host_only=True)
SESSION_COOKIE_NAME = f"{COOKIE_PREFIX}sessionid"
CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}csrftoken"
LANGUAGE_COOKIE_NAME = f"{COOKIE_PREFIX}language"
SECURE_SSL_REDIRECT = env.flag("SECURE_SSL_REDIRECT", default=True)
# The health probes of an orchestrator come over plain HTTP, straight to the process.
SECURE_REDIRECT_EXEMPT = [r"^api/health/"]
SECURE_HSTS_SECONDS = env.number("SECURE_HSTS_SECONDS", 31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
if env.number("TRUSTED_PROXIES", 0):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS", [])

STORAGES["staticfiles"] = {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}

# Last, so that it sees what is in force.
UNSAFE = safety.refuse_unsafe(
    debug=DEBUG or env.flag("DEBUG", default=False),
    secret_key=SECRET_KEY,
    secret_key_fallbacks=SECRET_KEY_FALLBACKS,
    allowed_hosts=ALLOWED_HOSTS,
    # Development's default is none of a server's.
    public_url=str(PROJECT_KEYSTONE.get("PUBLIC_URL", "")) or env.url("PUBLIC_URL", ""),
    frontend_url=str(KEYSTONE["FRONTEND_URL"]),
    cors_origins=CORS_ALLOWED_ORIGINS,
    passwords={
        "REDIS_URL": redis_url_password,
        "REDIS_PASSWORD": env.text("REDIS_PASSWORD", ""),
        "SMTP_PASSWORD": env.text("SMTP_PASSWORD", ""),
        "FIRST_SUPERUSER_PASSWORD": FIRST_SUPERUSER_PASSWORD,
        "METRICS_TOKEN": env.text("METRICS_TOKEN", ""),
    },
    database=DATABASES["default"],
    email_provider=EMAIL_PROVIDER,
    email_webhook_secret=EMAIL_WEBHOOK_SECRET,
)
if UNSAFE and not SECRET_KEY:  # `manage.py server check` tells of it; Django's own code cannot do without one
    SECRET_KEY = secrets.token_urlsafe(64)
