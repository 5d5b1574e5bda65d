"""Prepare the development database: migrations, accounts, sample people."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings
from django.db import connection

from keystone.accounts.models import User
from keystone.conf import options
from keystone.database.migrating import plan_upgrade, upgrade
from keystone.development.administrator import ensure_administrator
from keystone.development.environment import require_local
from keystone.development.sample_people import STAFF_EMAIL, ensure_sample_people

PREPARING = 0x6B65_7974  # the key of a PostgreSQL advisory lock


@dataclass(frozen=True)
class PreparationResult:
    """The result of preparing the database.

    Attributes:
        migrations: how many migrations were applied.
        people: how many sample people were created.
        known_password: whether the development administrator can sign in with the password in the README.
        sample_staff: whether the sample people's administrator exists.
    """

    migrations: int
    people: int
    known_password: bool
    sample_staff: bool


def prepare(*, port: int, sample_data: bool) -> PreparationResult:
    """Start or join the database, apply all migrations, and create the development accounts.

    Args:
        port: the port of the web server; links in mails lead there unless PUBLIC_URL is set.
        sample_data: whether to create sample people in an empty database.

    Raises:
        NotLocal: this is not the local environment.
        OperationalError: the database does not answer.
    """
    require_local()
    _set_public_url(port)
    with _preparing():
        migrations = upgrade() if plan_upgrade() else []
        return _ensure_accounts(sample_data=sample_data, migrations=len(migrations))


def ensure_accounts() -> PreparationResult:
    """Create the development administrator and the sample people in an existing database if they are missing.

    Raises:
        NotLocal: this is not the local environment.
    """
    require_local()
    with _preparing():
        return _ensure_accounts(sample_data=True, migrations=0)


@contextmanager
def _preparing() -> Iterator[None]:
    """Hold a lock, so that only one of two concurrent starts prepares the database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [PREPARING])
    try:
        yield
    finally:
        connection.close()  # releases the lock


def _ensure_accounts(*, sample_data: bool, migrations: int) -> PreparationResult:
    known_password = ensure_administrator()
    people = ensure_sample_people() if sample_data else 0
    staff = User.objects.with_email(STAFF_EMAIL).filter(is_staff=True, is_active=True).exists()
    return PreparationResult(migrations=migrations, people=people, known_password=known_password, sample_staff=staff)


def _set_public_url(port: int) -> None:
    """Set PUBLIC_URL to this server, also for the serving process, which inherits the environment."""
    if not os.environ.get("PUBLIC_URL"):
        url = f"http://localhost:{port}"
        os.environ["PUBLIC_URL"] = url
        settings.KEYSTONE = {**settings.KEYSTONE, "PUBLIC_URL": url}
        options.cache_clear()
