"""`manage.py data`: importers, seeders, scripts and pipelines. See `keystone.management.data`."""

from django.utils.translation import gettext_lazy as _
from django_typer.management import initialize

from keystone.console.usage import OneLine
from keystone.management.data.importers import Importers
from keystone.management.data.pipelines import Pipelines
from keystone.management.data.scripts import Scripts
from keystone.management.data.seeders import Seeders


class Command(OneLine, Pipelines, Scripts, Seeders, Importers):  # the last comes first in the help
    """A group of groups. Each command translates, makes one call, and says in a line what came of it."""

    help = _("Data: import files, make rows up, and run scripts and pipelines.")  # type: ignore[assignment]  # lazy

    @initialize()
    def init(self) -> None:
        """Nothing is set for all of them."""
