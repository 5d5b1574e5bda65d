"""The cache: Redis if it is enabled, otherwise the memory of each process."""

from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from keystone.environment import env

_SCHEMES = ("redis", "rediss", "unix")


def _address() -> tuple[str, str]:
    """Return Redis's URL, from REDIS_URL or the other variables, and the password if it isn't in the URL."""
    url = env.text("REDIS_URL", "")
    if not url:
        server = env.text("REDIS_SERVER", "localhost")
        server = f"[{server}]" if ":" in server else server  # IPv6
        port = env.number("REDIS_PORT", 6379, minimum=1, maximum=65535)
        return f"redis://{server}:{port}/{env.number('REDIS_DB', 0)}", env.text("REDIS_PASSWORD", "")
    try:
        parts = urlsplit(url)
        is_whole = bool(parts.path if parts.scheme == "unix" else parts.hostname) and "@" not in parts.path
        _ = parts.port
    except ValueError:
        parts, is_whole = urlsplit(""), False
    if parts.scheme not in _SCHEMES or not is_whole:
        # The URL itself may hold a password and is not repeated.
        raise ImproperlyConfigured(
            "REDIS_URL must look like redis://:password@host:6379/0, with rediss:// for TLS; write @ / : % in the "
            "password as %40 %2F %3A %25."
        )
    return url, ""


CACHES: dict[str, dict[str, Any]] = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
if env.flag("CACHE_ENABLED", default=False):
    _location, _password = _address()
    CACHES["default"] = {
        "BACKEND": "keystone.caching.backend.RedisCache",
        "LOCATION": _location,
        "KEY_PREFIX": "keystone",
        "OPTIONS": {"PASSWORD": _password or None},
    }
# For the check of well-known passwords.
redis_url_password = (
    unquote(urlsplit(env.text("REDIS_URL", "")).password or "") if "LOCATION" in CACHES["default"] else ""
)
