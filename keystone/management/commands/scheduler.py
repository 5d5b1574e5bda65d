"""`manage.py scheduler`: enqueue scheduled jobs when they are due."""

import signal
from pathlib import Path
from typing import Annotated

from django.core.management.base import CommandError
from django.utils.translation import gettext_lazy as _
from django_typer.management import TyperCommand
from typer import Option

from keystone.observability import telemetry
from keystone.observability.health_file import fault_of
from keystone.scheduling.scheduler import SlotScheduler


class Command(TyperCommand):
    """Runs the scheduler of `keystone.scheduling` until it is stopped."""

    help = _("Enqueue scheduled jobs when they are due. Any number can run: each slot is enqueued once.")
    requires_system_checks: list[str] = []  # it may start before the database, and waits for it

    def handle(
        self,
        *,
        health_file: Annotated[
            Path | None,
            Option(help=str(_("A file that exists while the scheduler is ready, and is touched regularly."))),
        ] = None,
    ) -> None:
        """Enqueue scheduled jobs when they are due."""
        if fault := fault_of(health_file):
            raise CommandError(fault)
        telemetry.start("scheduler")
        scheduler = SlotScheduler(health_file=health_file)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: scheduler.stop())
        scheduler.run()
