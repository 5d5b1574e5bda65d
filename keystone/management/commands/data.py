"""`manage.py data`: importers, seeders, scripts and pipelines. See `keystone.management.data`."""

from django.utils.translation import gettext_lazy as _
from django_typer.management import initialize

from keystone.console.usage import OneLine
from keystone.management.data.importers import Importers
from keystone.management.data.pipelines import Pipelines
from keystone.management.data.scripts import Scripts
from keystone.management.data.seeders import Seeders


class Command(OneLine, Pipelines, Scripts, Seeders, Importers):  # the last one is listed first in the help
    """The `data` command, which consists of groups. Each of their commands makes one call and prints the result."""

    help = _("Import files, create sample data, and run scripts and pipelines.")  # type: ignore[assignment]  # lazy

    @initialize()
    def init(self) -> None:
        """Do nothing: the groups have no common options."""
