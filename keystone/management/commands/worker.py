"""`manage.py worker`: run background tasks."""

from pathlib import Path
from typing import Annotated

from django.core.management.base import CommandError
from django.utils.translation import gettext_lazy as _
from django_typer.management import TyperCommand
from typer import Option

from keystone.background.options import WorkerOptions
from keystone.background.process import run_worker
from keystone.exceptions import Refusal

DEFAULTS = WorkerOptions()


class Command(TyperCommand):
    """Runs the worker of `keystone.background` until it is stopped."""

    help = _("Run tasks from the queue until stopped. Any number of workers can run, on any machine.")

    requires_system_checks: list[str] = []  # some need the database, which a worker waits for; `run_worker` has its own

    def handle(
        self,
        *,
        queues: Annotated[str, Option(help=str(_("The queues to serve, such as a,b; all by default.")))] = "",
        concurrency: Annotated[
            int, Option(min=1, max=256, help=str(_("The number of tasks to run at once.")))
        ] = DEFAULTS.concurrency,
        health_file: Annotated[
            Path | None, Option(help=str(_("A file that exists while the worker is ready, and is touched regularly.")))
        ] = None,
        shutdown_timeout: Annotated[
            float, Option(min=0, help=str(_("Seconds that running tasks have to finish when the worker is stopped.")))
        ] = DEFAULTS.shutdown_timeout,
        heartbeat: Annotated[
            float, Option(min=0.1, max=10, help=str(_("Seconds between two heartbeats.")))
        ] = DEFAULTS.heartbeat,
        stalled_after: Annotated[
            float, Option(min=0.3, help=str(_("Seconds without a heartbeat after which a worker counts as dead.")))
        ] = DEFAULTS.stalled_after,
        grace: Annotated[
            float, Option(min=0.1, help=str(_("Seconds that a task has to finish once its time limit has passed.")))
        ] = DEFAULTS.grace,
        recycle_timeout: Annotated[
            float,
            Option(min=0, help=str(_("Seconds that the other tasks have to finish once one hangs for good."))),
        ] = DEFAULTS.recycle_timeout,
    ) -> None:
        """Run tasks.

        Raises:
            CommandError: a queue does not exist, or the durations contradict each other.
        """
        names = [name.strip() for name in queues.split(",") if name.strip()]
        options = WorkerOptions(
            queues=names or None,
            concurrency=concurrency,
            heartbeat=heartbeat,
            stalled_after=stalled_after,
            shutdown_timeout=shutdown_timeout,
            recycle_timeout=recycle_timeout,
            grace=grace,
            health_file=health_file,
        )
        try:
            run_worker(options)
        except Refusal as refusal:
            raise CommandError(refusal.detail) from None
