"""Deployment checks that nobody can sign in with a well-known password."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.core import checks
from django.db import DatabaseError, InterfaceError
from django.utils.translation import gettext

from keystone.accounts.models import User
from keystone.database.checks import check_rows
from keystone.development import administrator, sample_people
from keystone.development.known_accounts import KnownAccounts, known_accounts
from keystone.environment.env import SERVERS
from keystone.text.listing import first_few
from keystone.text.one_line import in_one_line

TRIED = (administrator.PASSWORD, sample_people.PASSWORD, "changethis", "changeme", "password", "admin", "keystone")
MOST = 20  # superusers whose passwords are tried: each attempt takes a core about 20 ms


@checks.register(checks.Tags.security, deploy=True)
def find_development_accounts(
    *, app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None, **_: Any
) -> list[checks.CheckMessage]:
    """Check that a server's database has no accounts whose passwords are in the README (E001).

    They get there with a copy of a developer's database. The check is not tagged `database`, because `check --deploy`
    runs such checks only with `--database`.
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
    return [_known(found)]


@check_rows
def check_known_passwords() -> Iterator[checks.CheckMessage]:
    """Check for development accounts outside servers, too (E001), and for superusers with known passwords (E006)."""
    found = known_accounts()
    if found and settings.ENVIRONMENT not in SERVERS:
        yield _known(found)
    superusers = User.objects.active_superusers().order_by("email")
    known = [user.email for user in superusers[:MOST] if _has_known_password(user)]
    if known:
        text = gettext("Superusers with a well-known password: %(some)s") % {"some": first_few(known)}
        yield checks.Error(text, hint=gettext("Run manage.py user set-password for each."), id="keystone.E006")


def _known(emails: list[str]) -> checks.CheckMessage:
    return checks.Error(KnownAccounts(emails).detail, hint=str(KnownAccounts.hint), id="keystone.E001")


def _has_known_password(user: User) -> bool:
    name = user.email.partition("@")[0]
    return user.has_usable_password() and any(check_password(word, user.password) for word in (*TRIED, name))
