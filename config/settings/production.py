"""Staging and production: everything unsafe is refused, nothing has a default that an attacker could know."""

from config import env
from config.settings import safety
from config.settings.base import *

SECRET_KEY = env.text("SECRET_KEY")
safety.refuse_unsafe(
    secret_keys=[SECRET_KEY, *SECRET_KEY_FALLBACKS],
    allowed_hosts=ALLOWED_HOSTS,
    public_url=str(KEYSTONE["PUBLIC_URL"]),
    frontend_url=str(KEYSTONE["FRONTEND_URL"]),
)
DATABASES["default"]["OPTIONS"].setdefault("pool", {"min_size": 2, "max_size": 16, "timeout": 5})

SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
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
