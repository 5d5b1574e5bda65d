"""`manage.py runserver`: Django's own, with one line at each start instead of eight. Used by `dev`."""

import sys
from typing import Any

from django.contrib.staticfiles.management.commands.runserver import Command as RunServer
from django.utils import autoreload
from django.utils.translation import gettext

from keystone.development.schema_hint import schema_hint
from keystone.development.server import end_on_signals


class Command(RunServer):
    """Runs the development server, which restarts when a file changes."""

    def inner_run(self, *args: Any, **options: Any) -> None:
        """Run the checks and serve. Only messages of the checks are printed."""
        if not options["use_reloader"]:  # the reloader handles them itself
            end_on_signals()
        autoreload.raise_last_exception()
        self.check()
        super().inner_run(*args, **{**options, "skip_checks": True})

    def check_migrations(self) -> None:
        """Print one line if the schema is out of date, with the command that updates it."""
        if hint := schema_hint():
            sys.stderr.write(self.style.WARNING(hint) + "\n")

    def on_bind(self, server_port: int) -> None:
        """Print that the server is ready."""
        text = gettext("Ready on port %(port)s. Ctrl-C stops everything.") % {"port": server_port}
        self.stdout.write(self.style.SUCCESS(text))
