"""The system check that no server has the development accounts."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.db import DatabaseError, InterfaceError

from keystone.development.known_accounts import KnownAccounts, known_accounts
from keystone.environment.env import SERVERS
from keystone.text.one_line import in_one_line


@checks.register(checks.Tags.security, deploy=True)
def find_development_accounts(
    *, app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None, **_: Any
) -> list[checks.CheckMessage]:
    """E001: accounts whose passwords the README gives, in the database of a server.

    They come there with a copy of a developer's database. The check is not tagged `database`, because `check --deploy`
    runs those only with `--database`.
    """
    if settings.ENVIRONMENT not in SERVERS:
        return []
    found: list[str] = []
    for alias in databases or ():
        try:
            found += known_accounts(alias)
        except (DatabaseError, InterfaceError) as error:
            text = f"Whether the database {alias!r} holds development accounts is unknown: {in_one_line(error)}"
            return [checks.Info(text, hint="Run this check where the database answers.", id="keystone.I001")]
    if not found:
        return []
    return [checks.Error(KnownAccounts(found).detail, hint=str(KnownAccounts.hint), id="keystone.E001")]
