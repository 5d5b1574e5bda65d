"""`manage.py runserver`: Django's own, with one line at each start instead of eight. `dev` runs it."""

import sys
from typing import Any

from django.contrib.staticfiles.management.commands.runserver import Command as RunServer
from django.utils import autoreload
from django.utils.translation import gettext

from keystone.development.schema_hint import schema_hint
from keystone.development.server import end_on_signals


class Command(RunServer):
    """Serves on a developer's machine, and starts anew when a file changes."""

    def inner_run(self, *args: Any, **options: Any) -> None:
        """Check and serve; only what the checks find is told."""
        if not options["use_reloader"]:  # which handles them itself
            end_on_signals()
        autoreload.raise_last_exception()
        self.check()
        super().inner_run(*args, **{**options, "skip_checks": True})

    def check_migrations(self) -> None:
        """Say in a line what the database lacks, and how to bring it up to date."""
        if hint := schema_hint():
            sys.stderr.write(self.style.WARNING(hint) + "\n")

    def on_bind(self, server_port: int) -> None:
        """Say that it is ready."""
        text = gettext("Ready on port %(port)s. Ctrl-C stops everything.") % {"port": server_port}
        self.stdout.write(self.style.SUCCESS(text))
