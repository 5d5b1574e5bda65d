"""System checks of the settings: those that prevent the start, and those of `check --deploy`."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from keystone.conf import options
from keystone.environment.env import SERVERS

EXAMPLE_DOMAINS = ("@example.com", "@example.com>")


def refuse_unsafe_settings() -> None:
    """Refuse settings that break Keystone's guarantees, in any settings module.

    Raises:
        ImproperlyConfigured: with a line for each fault.
    """
    faults = [
        f"DATABASES[{alias!r}] has ATOMIC_REQUESTS. Turn it off: it takes back the count of a wrong password, and the "
        "end of a stolen session, together with the request that was refused for them."
        for alias, database in settings.DATABASES.items()
        if database.get("ATOMIC_REQUESTS")
    ]
    if settings.DEBUG and settings.ENVIRONMENT in SERVERS:
        faults.append("DEBUG is on. Its pages show settings and data to everybody: leave it out.")
    if not faults and settings.ENVIRONMENT in SERVERS and not hasattr(settings, "UNSAFE"):
        faults.append(
            "Nothing has checked these settings. End config/settings/production.py with "
            "UNSAFE = refuse_unsafe(globals()), from keystone.settings.safety."
        )
    if faults:
        raise ImproperlyConfigured("\n".join(faults))


@checks.register(checks.Tags.security, deploy=True)
def check_refused_settings(**_: Any) -> list[checks.CheckMessage]:
    """Report the faults with which a server refuses to start (E005). `manage.py server check` lists them."""
    return [checks.Error(fault, id="keystone.E005") for fault in getattr(settings, "UNSAFE", [])]


@checks.register(checks.Tags.security, deploy=True)
def find_example_sender(*, app_configs: Sequence[AppConfig] | None, **_: Any) -> list[checks.CheckMessage]:
    """Check that a server's mails don't come from the example address, which other mail servers reject (W001)."""
    if settings.ENVIRONMENT not in SERVERS or not settings.DEFAULT_FROM_EMAIL.endswith(EXAMPLE_DOMAINS):
        return []
    hint = "Set EMAILS_FROM_EMAIL to an address of a domain of your own."
    return [checks.Warning("Mails are sent from an address of example.com.", hint=hint, id="keystone.W001")]


@checks.register(checks.Tags.security, deploy=True)
def find_nowhere_to_sign_in(*, app_configs: Sequence[AppConfig] | None, **_: Any) -> list[checks.CheckMessage]:
    """Check that a server's mails can link to a page to sign in on (W002)."""
    if settings.ENVIRONMENT not in SERVERS or options().frontend_url:
        return []
    hint = (
        "Set FRONTEND_URL to the site that people use, which has the pages of docs/operations/deploy.md. Where people "
        'sign in elsewhere, silence this with SILENCED_SYSTEM_CHECKS = ["keystone.W002"].'
    )
    message = "FRONTEND_URL is not set: mails tell people to sign in, but cannot say where."
    return [checks.Warning(message, hint=hint, id="keystone.W002")]


@checks.register(checks.Tags.security)
def find_refused_cookies(*, app_configs: Sequence[AppConfig] | None, **_: Any) -> list[checks.CheckMessage]:
    """Check for cookies that browsers refuse because of their name (E002; RFC 6265bis, section 4.1.3.2)."""
    return [
        checks.Error(
            f"Browsers refuse the cookie {getattr(settings, f'{cookie}_COOKIE_NAME')!r}: {fault}.",
            hint=f"Give {cookie}_COOKIE_NAME a name that does not begin with __Host-, or take that setting back.",
            id="keystone.E002",
        )
        for cookie in ("SESSION", "CSRF", "LANGUAGE")
        if getattr(settings, f"{cookie}_COOKIE_NAME").startswith("__Host-")
        for fault in _cookie_faults(cookie)
    ]


def _cookie_faults(cookie: str) -> list[str]:
    faults = []
    if not getattr(settings, f"{cookie}_COOKIE_SECURE"):
        faults.append(f"{cookie}_COOKIE_SECURE is False")
    if getattr(settings, f"{cookie}_COOKIE_DOMAIN"):
        faults.append(f"{cookie}_COOKIE_DOMAIN is set")
    if getattr(settings, f"{cookie}_COOKIE_PATH") != "/":
        faults.append(f"{cookie}_COOKIE_PATH is not /")
    return faults
