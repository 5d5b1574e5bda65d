"""A worker's process: signals, shutdown, restart."""

import asyncio
import atexit
import logging
import os
import signal
import sys
from typing import ClassVar

from django.conf import settings
from django.db import connections
from django.tasks import task_backends
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from procrastinate.contrib.django.settings import settings as procrastinate_settings

from keystone.background.options import End, WorkerOptions
from keystone.background.worker import Worker
from keystone.exceptions import Refusal
from keystone.observability import health_file, telemetry

logger = logging.getLogger(__name__)


class WrongOptions(Refusal):
    """The options of a worker are invalid or contradict each other."""

    code = "wrong_options"
    message: ClassVar[str | Promise] = _("These options cannot be combined.")


def run_worker(options: WorkerOptions) -> None:
    """Run a worker in this process until SIGTERM, SIGINT or SIGHUP stops it. A second signal stops it at once.

    If tasks hang and hold their threads forever, the worker replaces itself with a new one in the same process.

    Raises:
        WrongOptions: an option is invalid, for example an unknown queue or times that contradict each other.
    """
    _check(options)
    telemetry.start("worker")
    logging.getLogger("django.tasks").setLevel(logging.CRITICAL)  # the worker logs each end itself
    worker, end = asyncio.run(_run(options))
    if end is End.RECYCLE:
        logger.warning("worker starts anew, because a task holds %d of its slots", worker.lost)
        _flush()
        os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - this program with its own arguments
    if worker.lost:
        # Hanging threads would keep the interpreter from exiting, so run its exit handlers here.
        atexit._run_exitfuncs()
        _flush()
        os._exit(0)


async def _run(options: WorkerOptions) -> tuple[Worker, End]:
    worker = Worker(options)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, worker.stop)
    return worker, await worker.run()


def _check(options: WorkerOptions) -> None:
    for backend in task_backends.all():
        for message in backend.check():
            raise WrongOptions(str(message))
    known = {queue for backend in task_backends.all() for queue in backend.queues}
    unknown = sorted(set(options.queues or []) - known)
    if unknown:
        values = {"unknown": ", ".join(unknown), "known": ", ".join(sorted(known))}
        raise WrongOptions(gettext("There is no queue %(unknown)s. Known queues: %(known)s.") % values)
    if fault := health_file.fault_of(options.health_file):
        raise WrongOptions(fault)
    if options.stalled_after < 2 * options.heartbeat:
        raise WrongOptions(
            gettext("--stalled-after must be at least twice --heartbeat, or living workers would count as dead.")
        )
    alias = procrastinate_settings.DATABASE_ALIAS
    pool = settings.DATABASES[alias].get("OPTIONS", {}).get("pool")
    most = pool.get("max_size", 4) if isinstance(pool, dict) else None
    if most is not None and options.concurrency > most:
        logger.warning(
            "%d tasks at once share %d connections: those that wait too long for one fail, and are tried again",
            options.concurrency,
            most,
        )
    connections.close_all()


def _flush() -> None:
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
