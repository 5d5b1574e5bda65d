"""`manage.py procrastinate`: Procrastinate's own command, without its worker."""

from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext
from procrastinate.contrib.django.management.commands.procrastinate import Command as ProcrastinateCommand


class Command(ProcrastinateCommand):
    """Procrastinate's command.

    Its shell and its health check work with our queue. Its worker does not know our tasks and would fail all of them.
    """

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the command.

        Raises:
            CommandError: the worker was requested.
        """
        if options["command"] == "worker":
            raise CommandError(gettext("Procrastinate's worker cannot run these tasks. Use: manage.py worker"))
        super().handle(*args, **options)
