"""What must be there before the server starts. A second time there is nothing left to do."""

import os
from dataclasses import dataclass

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from keystone.accounts.models import User
from keystone.conf import options
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
    with connection.cursor() as cursor:
        # Of two that start at the same moment, one prepares and the other finds everything done. Closing frees it.
        cursor.execute("SELECT pg_advisory_lock(%s)", [PREPARING])
    migrations = _migrate()
    known_password = ensure_administrator()
    people = ensure_sample_people() if sample_data else 0
    staff = User.objects.with_email(STAFF_EMAIL).filter(is_staff=True, is_active=True).exists()
    connection.close()
    return Prepared(migrations=migrations, people=people, known_password=known_password, sample_staff=staff)


def _migrate() -> int:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        call_command("migrate", interactive=False, verbosity=0)
    return len(plan)


def _set_public_url(port: int) -> None:
    """Let links lead to this server: in this process, and in the one that serves, which inherits the environment."""
    if not os.environ.get("PUBLIC_URL"):
        url = f"http://localhost:{port}"
        os.environ["PUBLIC_URL"] = url
        settings.KEYSTONE = {**settings.KEYSTONE, "PUBLIC_URL": url}
        options.cache_clear()
