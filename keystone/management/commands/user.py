"""`manage.py user`: manage accounts from the command line."""

from django.utils.translation import gettext_lazy as _
from django_typer.management import initialize

from keystone.console.usage import OneLine
from keystone.management.user.making import Making
from keystone.management.user.personal_data import PersonalData
from keystone.management.user.reading import Reading
from keystone.management.user.securing import Securing
from keystone.management.user.transitions import Transitions


class Command(Making, Reading, Transitions, Securing, PersonalData, OneLine):
    """The `user` command group. Each command makes one call and prints the result."""

    help = _("Manage accounts.")  # type: ignore[assignment]  # Django takes a lazy text

    @initialize()
    def init(self) -> None:
        """Do nothing: the commands have no common options."""
