"""Prepare the development database: migrations, accounts, sample people."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings
from django.db import connection

from keystone.accounts.models import User
from keystone.conf import options
from keystone.database.moving import plan_upgrade, upgrade
from keystone.development.administrator import ensure_administrator
from keystone.development.environment import require_local
from keystone.development.sample_people import STAFF_EMAIL, ensure_sample_people

PREPARING = 0x6B65_7974  # the number of a lock of PostgreSQL's


@dataclass(frozen=True)
class Prepared:
    """What was done.

    Attributes:
        migrations: how many were applied.
        people: how many sample people were made.
        known_password: whether the development administrator has the password of the README.
        sample_staff: whether the sample people's administrator is there.
    """

    migrations: int
    people: int
    known_password: bool
    sample_staff: bool


def prepare(*, port: int, sample_data: bool) -> Prepared:
    """Start or join the database, bring it to the newest migration, and make the development accounts.

    Args:
        port: where the server will listen; links in mails lead there, unless PUBLIC_URL says otherwise.
        sample_data: whether a database that holds nobody yet gets sample people.

    Raises:
        NotLocal: this is not the local environment.
        OperationalError: the database does not answer.
    """
    require_local()
    _set_public_url(port)
    with _preparing():
        migrations = upgrade() if plan_upgrade() else []
        return _ensure_accounts(sample_data=sample_data, migrations=len(migrations))


def ensure_accounts() -> Prepared:
    """Make the development administrator and the sample people, where they are missing, in a database that is there.

    Raises:
        NotLocal: this is not the local environment.
    """
    require_local()
    with _preparing():
        return _ensure_accounts(sample_data=True, migrations=0)


@contextmanager
def _preparing() -> Iterator[None]:
    """Of two that start at the same moment, one prepares and the other finds everything done."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [PREPARING])
    try:
        yield
    finally:
        connection.close()  # which frees it


def _ensure_accounts(*, sample_data: bool, migrations: int) -> Prepared:
    known_password = ensure_administrator()
    people = ensure_sample_people() if sample_data else 0
    staff = User.objects.with_email(STAFF_EMAIL).filter(is_staff=True, is_active=True).exists()
    return Prepared(migrations=migrations, people=people, known_password=known_password, sample_staff=staff)


def _set_public_url(port: int) -> None:
    """Let links lead to this server: in this process, and in the one that serves, which inherits the environment."""
    if not os.environ.get("PUBLIC_URL"):
        url = f"http://localhost:{port}"
        os.environ["PUBLIC_URL"] = url
        settings.KEYSTONE = {**settings.KEYSTONE, "PUBLIC_URL": url}
        options.cache_clear()
