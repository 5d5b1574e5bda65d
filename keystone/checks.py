"""What must not be in production: settings that stop every start, and accounts that `check --deploy` finds."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, router

SERVERS = ("staging", "production")
EXAMPLE_DOMAINS = ("@example.com", "@example.com>")


def refuse_unsafe_settings() -> None:
    """Refuse what Keystone's promises do not hold under, whichever settings module has it.

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
    if faults:
        raise ImproperlyConfigured("\n".join(faults))


@checks.register(checks.Tags.database, deploy=True)
def find_development_accounts(
    *, app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None, **_: Any
) -> list[checks.CheckMessage]:
    """E001: accounts whose passwords the README gives, in the database of a server.

    They come there with a copy of a developer's database. A closed account lets nobody in, and is no fault.
    """
    from keystone.accounts.models import User
    from keystone.accounts.status import Status

    if settings.ENVIRONMENT not in SERVERS:
        return []
    found: list[str] = []
    for alias in databases or ():
        with connections[alias].cursor() as cursor:
            tables = connections[alias].introspection.table_names(cursor)
        if router.allow_migrate_model(alias, User) and User._meta.db_table in tables:
            known = User.objects.using(alias).filter(email_normalized__in=development_addresses())
            found += known.exclude(status=Status.DEACTIVATED).order_by("email").values_list("email", flat=True)
    if not found:
        return []
    return [
        checks.Error(
            f"The database holds {len(found)} of the development accounts, whose passwords everybody knows: "
            f"{', '.join(found[:3])}{' …' if len(found) > 3 else ''}",
            hint="Close or delete them, and begin a server's database empty, not as a copy of a developer's.",
            id="keystone.E001",
        )
    ]


@checks.register(checks.Tags.security, deploy=True)
def find_example_sender(*, app_configs: Sequence[AppConfig] | None, **_: Any) -> list[checks.CheckMessage]:
    """W001: mails of a server that come from the address of the example, which their receivers' servers refuse."""
    if settings.ENVIRONMENT not in SERVERS or not settings.DEFAULT_FROM_EMAIL.endswith(EXAMPLE_DOMAINS):
        return []
    hint = "Set EMAILS_FROM_EMAIL to an address of a domain of your own."
    return [checks.Warning("Mails are sent from an address of example.com.", hint=hint, id="keystone.W001")]


def development_addresses() -> list[str]:
    """The addresses of development's accounts, normalised."""
    from keystone.development import administrator, sample_people
    from keystone.development.people import SAMPLES

    return [
        administrator.EMAIL,
        sample_people.STAFF_EMAIL,
        sample_people.LATEST_EMAIL,
        *(sample.email for sample in SAMPLES),
    ]
