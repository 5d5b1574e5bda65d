"""`manage.py db`: the database, its migrations and its backups. See `keystone.management.db`."""

from django.utils.translation import gettext_lazy as _
from django_typer.management import initialize

from keystone.console.usage import OneLine
from keystone.management.db.backups import Backups
from keystone.management.db.making import Making
from keystone.management.db.moving import Moving
from keystone.management.db.reading import Reading


class Command(OneLine, Backups, Moving, Making, Reading):  # the last comes first in the help
    """A group of commands."""

    help = _("The database: what is there, its migrations, and its backups.")  # type: ignore[assignment]  # lazy

    requires_system_checks: list[str] = []  # some ask the database, which need not answer yet, or have no tables

    @initialize()
    def init(self) -> None:
        """Nothing is set for all of them."""
