"""Settings for staging and production, without defaults that an attacker could know. `safety` refuses unsafe ones."""

from keystone.environment import env
from keystone.settings import base
from keystone.settings.cookies import cookie_names

SECRET_KEY = env.text("SECRET_KEY", "")

SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
LANGUAGE_COOKIE_SECURE = True
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME, LANGUAGE_COOKIE_NAME = cookie_names(base.PROJECT_NAME, host_only=True)
SECURE_SSL_REDIRECT = env.flag("SECURE_SSL_REDIRECT", default=True)
# An orchestrator's health probes reach the process directly over plain HTTP.
SECURE_REDIRECT_EXEMPT = [r"^api/health/"]
SECURE_HSTS_SECONDS = env.number("SECURE_HSTS_SECONDS", 31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
if env.number("TRUSTED_PROXIES", 0):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS", [])
