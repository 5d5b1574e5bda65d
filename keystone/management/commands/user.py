"""`manage.py user`: manage accounts from a shell."""

from django.utils.translation import gettext_lazy as _
from django_typer.management import initialize

from keystone.console.usage import OneLine
from keystone.management.user.making import Making
from keystone.management.user.moving import Moving
from keystone.management.user.personal_data import PersonalData
from keystone.management.user.reading import Reading
from keystone.management.user.securing import Securing


class Command(Making, Reading, Moving, Securing, PersonalData, OneLine):
    """A group of commands. Each translates, makes one call, and says in a line what came of it."""

    help = _("Accounts: what administrators do from a shell.")  # type: ignore[assignment]  # Django takes a lazy text

    @initialize()
    def init(self) -> None:
        """Nothing is set for all of them; without this, a single sub-command would stand for the group."""
