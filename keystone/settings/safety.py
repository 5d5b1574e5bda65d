"""Refuse unsafe settings in production, all of them at once."""

import secrets
import sys
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from keystone.environment import env
from keystone.settings.mail_providers import PROVIDERS

SHORTEST_WEBHOOK_SECRET = 24  # characters, with the name and the colon
SHORTEST_KEY = 50  # characters; Django's check requires as many (security.W009)
FEWEST_SIGNS = 5
KNOWN_KEYS = ("local-only-", "testing-only-", "django-insecure-", "change", "your-", "your_", "replace", "insecure")
# The defaults of images, tutorials, the system that Keystone is modelled on, and our own development.
KNOWN_PASSWORDS = frozenset(
    {
        *("admin", "admin@1234", "administrator", "change-me", "change_me", "changeit", "changeme", "changethis"),
        *("default", "example", "foobared", "guest", "keystone", "letmein", "mysecretpassword", "pass", "passw0rd"),
        *("password", "password1", "password123", "postgres", "postgresql", "qwerty", "redis", "root", "sample@1234"),
        *("secret", "supersecret", "test", "toor", "user", "12345678", "123456", "1234", "123456789"),
    }
)


def refuse_unsafe(settings: dict[str, Any]) -> list[str]:
    """Refuse to start with settings that an attacker could know or exploit.

    Args:
        settings: the names and values of a settings module, as in `globals()` at its end.

    Returns:
        The faults. They are empty except in `manage.py server check`, which lists them with all others. There a missing
        SECRET_KEY is also replaced with a random one, because Django requires one.

    Raises:
        ImproperlyConfigured: with a line for each fault. None repeats a key or a password.
    """
    faults = faults_of(
        debug=settings["DEBUG"] or env.flag("DEBUG", default=False),
        secret_key=settings["SECRET_KEY"],
        secret_key_fallbacks=settings["SECRET_KEY_FALLBACKS"],
        allowed_hosts=settings["ALLOWED_HOSTS"],
        public_url=str(settings["KEYSTONE"]["PUBLIC_URL"]),
        frontend_url=str(settings["KEYSTONE"]["FRONTEND_URL"]),
        cors_origins=settings["CORS_ALLOWED_ORIGINS"],
        passwords={
            "REDIS_URL": settings["redis_url_password"],
            "REDIS_PASSWORD": env.text("REDIS_PASSWORD", ""),
            "SMTP_PASSWORD": env.text("SMTP_PASSWORD", ""),
            "FIRST_SUPERUSER_PASSWORD": settings["FIRST_SUPERUSER_PASSWORD"],
            "METRICS_TOKEN": env.text("METRICS_TOKEN", ""),
        },
        database=settings["DATABASES"]["default"],
        email_provider=settings["EMAIL_PROVIDER"],
        email_webhook_secret=settings["EMAIL_WEBHOOK_SECRET"],
    )
    if faults and not _are_listed():
        raise ImproperlyConfigured("\n".join(faults))
    settings["SECRET_KEY"] = settings["SECRET_KEY"] or secrets.token_urlsafe(64)
    return faults


def faults_of(
    *,
    debug: bool,
    secret_key: str,
    secret_key_fallbacks: Sequence[str],
    allowed_hosts: Sequence[str],
    public_url: str,
    frontend_url: str,
    cors_origins: Sequence[str],
    passwords: Mapping[str, str],
    database: Mapping[str, object],
    email_provider: str = "",
    email_webhook_secret: str = "",
) -> list[str]:
    """Return a line for each setting that an attacker could know or exploit.

    Args:
        debug: whether Django's debug pages are on.
        public_url: empty if it is not set.
        passwords: the passwords by the name of their variable; empty ones are ignored, as for a server on a socket.
        database: Django's database settings, whose USER and PASSWORD are checked.
        email_provider: the provider that sends the mails and reports their delivery by webhook; empty for none.
        email_webhook_secret: the secret that authenticates the webhook's calls.
    """
    faults = ["DEBUG is on. Its pages show settings and data to everybody: leave it out."] if debug else []
    faults += _key_faults("SECRET_KEY", secret_key)
    for key in secret_key_fallbacks:
        faults += _key_faults("SECRET_KEY_FALLBACKS", key)
    if not allowed_hosts:
        faults.append("ALLOWED_HOSTS is not set. Name the host names that this server answers to.")
    for host in allowed_hosts:
        faults += _host_faults(host)
    faults += _address_faults(public_url=public_url, frontend_url=frontend_url)
    faults += [f"BACKEND_CORS_ORIGINS must begin with https://, not {url!r}." for url in cors_origins if _is_open(url)]
    faults += [
        f"{name} is a password that everybody knows. Choose one of your own."
        for name, password in passwords.items()
        if password.lower() in KNOWN_PASSWORDS
    ]
    user, password = str(database.get("USER") or ""), str(database.get("PASSWORD") or "")
    if password.lower() in KNOWN_PASSWORDS or (password and password == user):
        faults.append("The database's password is one that everybody knows (POSTGRES_PASSWORD or DATABASE_URL).")
    if email_provider:
        faults += _webhook_faults(email_provider, email_webhook_secret)
    return list(dict.fromkeys(faults))


def _are_listed() -> bool:
    """Return whether this is `manage.py server check`, which doesn't serve requests."""
    return sys.argv[0].endswith("manage.py") and sys.argv[1:3] == ["server", "check"]


def _key_faults(name: str, key: str) -> list[str]:
    if not key:
        return [f"{name} is not set. Make a key of your own (see docs/operations.md)."]
    if key.lower().startswith(KNOWN_KEYS):
        return [f"{name} is one that everybody knows. Make one of your own (see docs/operations.md)."]
    if len(key) < SHORTEST_KEY or len(set(key)) < FEWEST_SIGNS:
        return [f"{name} is too easy to guess: it needs {SHORTEST_KEY} random characters."]
    return []


def _host_faults(host: str) -> list[str]:
    """Return the faults of an allowed host. `.example.com` is allowed; `.com` and `*` would match foreign domains."""
    if "*" in host:
        return ["ALLOWED_HOSTS must name the hosts, without *; .example.com stands for a domain and all below it."]
    if host.startswith(".") and "." not in host.strip("."):
        return [f"ALLOWED_HOSTS would answer to any name that ends with {host!r}. Name the hosts."]
    if "/" in host or (":" in host and not host.startswith("[")):
        return [f"ALLOWED_HOSTS takes names alone, without https:// and port, not {host!r}."]
    return []


def _address_faults(*, public_url: str, frontend_url: str) -> list[str]:
    faults = []
    if not public_url:
        faults.append("PUBLIC_URL is not set. Say where this server is reached, as https://keystone.example.com.")
    for name, url in (("PUBLIC_URL", public_url), ("FRONTEND_URL", frontend_url)):
        if url and _is_open(url):
            faults.append(f"{name} must begin with https://: links in mails start with it.")
    return faults


def _webhook_faults(provider: str, secret: str) -> list[str]:
    """Return the faults of the webhook's secret. Anybody who knows it could have any email address suppressed."""
    if PROVIDERS[provider].signing_setting:
        missing = f"EMAIL_WEBHOOK_SECRET is not set. Give the key that {provider} signs its calls with."
        return [] if secret else [missing]
    if ":" not in secret or len(secret) < SHORTEST_WEBHOOK_SECRET:
        fault = (
            f"EMAIL_WEBHOOK_SECRET must be a name, a colon and a password, together {SHORTEST_WEBHOOK_SECRET} "
            f"characters or more, by which the calls of {provider} are known (see docs/operations.md)."
        )
        return [fault]
    return []


def _is_open(url: str) -> bool:
    return urlsplit(url).scheme != "https"
