"""`manage.py db`: the database, its migrations and its backups. See `keystone.management.db`."""

from django.utils.translation import gettext_lazy as _
from django_typer.management import initialize

from keystone.console.usage import OneLine
from keystone.management.db.backups import Backups
from keystone.management.db.making import Making
from keystone.management.db.migrating import Migrating
from keystone.management.db.reading import Reading


class Command(OneLine, Backups, Migrating, Making, Reading):  # the last one is listed first in the help
    """The `db` command group."""

    help = _("Inspect, migrate, back up and restore the database.")  # type: ignore[assignment]  # lazy

    requires_system_checks: list[str] = []  # some need the database, which may not answer yet or have no tables

    @initialize()
    def init(self) -> None:
        """Do nothing: the commands have no common options."""
