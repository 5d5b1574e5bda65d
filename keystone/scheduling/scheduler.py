"""The scheduler process: APScheduler's loop, kept alive while PostgreSQL is away."""

import logging
import os
import select
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from apscheduler.executors.base import BaseExecutor
from apscheduler.job import Job
from apscheduler.schedulers.base import STATE_STOPPED, BaseScheduler
from django.db import DatabaseError, InterfaceError, close_old_connections, connections

from keystone.observability import health_file, telemetry
from keystone.scheduling.lost_runs import end_lost_runs
from keystone.scheduling.processes import beat, process_name, sign_off
from keystone.scheduling.registering import declared_jobs, register_jobs
from keystone.scheduling.storing import SlotStore
from keystone.text.one_line import in_one_line

logger = logging.getLogger(__name__)

POLL = 2.0  # maximum seconds until the table is read again, since other processes change it
BREATH = 0.2  # minimum seconds between two rounds
LOOK_AFTER = 10.0  # seconds between checks of the declarations and for lost runs
LONGEST_WAIT = 10.0  # seconds between attempts while the database is away


class ClaimingExecutor(BaseExecutor):
    """An executor that runs a job's function synchronously. The function claims a slot and takes milliseconds."""

    def __init__(self) -> None:
        super().__init__()
        self._failures: dict[str, int] = {}
        self._not_before: dict[str, float] = {}

    def submit_job(self, job: Job, run_times: list[datetime]) -> None:
        """Claim the due slot. A job that fails does not delay others, and waits longer after each failure."""
        if time.monotonic() < self._not_before.get(job.id, 0):
            return
        try:
            with telemetry.span(f"claim {job.id}"):
                job.func(*job.args, **job.kwargs)
        except (DatabaseError, InterfaceError) as error:
            self._put_off(job.id)
            logger.warning("could not claim a slot of %s, trying again: %s", job.id, in_one_line(error))
            close_old_connections()
        except Exception:
            self._put_off(job.id)
            logger.exception("could not claim a slot of %s, trying again", job.id)
        else:
            self._failures.pop(job.id, None)
            self._not_before.pop(job.id, None)

    def _do_submit_job(self, job: Job, run_times: list[datetime]) -> None:
        """Do nothing: `submit_job` does all the work."""

    def _put_off(self, job_id: str) -> None:
        self._failures[job_id] = self._failures.get(job_id, 0) + 1
        self._not_before[job_id] = time.monotonic() + back_off(self._failures[job_id])


class SlotScheduler(BaseScheduler):
    """A scheduler that claims slots until it is stopped. Any number may run, on any number of machines."""

    def __init__(self, *, health_file: Path | None = None) -> None:
        """Create a scheduler without starting it.

        Args:
            health_file: a file that exists while all is well and is touched every few seconds; otherwise it is removed.
        """
        super().__init__(
            jobstores={"default": SlotStore()},
            executors={"default": ClaimingExecutor()},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone=UTC,
            jobstore_retry_interval=POLL,
        )
        self.name = process_name()
        self.health_file = health_file
        self._jobs = declared_jobs()
        self._is_registered = False
        self._stopping = False
        self._failures = 0
        self._beat_at = self._looked_at = float("-inf")
        # A signal handler may write to a pipe at any moment, but must not use locks or events.
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)

    def run(self) -> None:
        """Run until `stop` is called."""
        logger.info("scheduler %s has %d jobs", self.name, len(self._jobs))
        self.start()
        try:
            while not self._stopping:
                self._wait(self._round())
        finally:
            self._end()

    def stop(self) -> None:
        """Stop after the current round. This may be called from a signal handler."""
        self._stopping = True
        self.wakeup()

    def wakeup(self) -> None:
        """Start the next round now."""
        with suppress(BlockingIOError):  # the pipe is full of earlier calls
            os.write(self._wake_write, b".")

    def shutdown(self, wait: bool = True) -> None:  # noqa: FBT001, FBT002 - APScheduler's signature
        """Shut down APScheduler, and stop the loop."""
        if self.state != STATE_STOPPED:
            super().shutdown(wait)
        self.stop()

    def _round(self) -> float:
        """Send a heartbeat, and claim due slots.

        Returns:
            The seconds to wait until the next round.
        """
        try:
            self._every(POLL, "_beat_at", lambda: beat(self.name, self._jobs))
            self._every(LOOK_AFTER, "_looked_at", self._look_after)
            seconds: float | None = self._process_jobs()
        except (DatabaseError, InterfaceError) as error:
            self._failures += 1
            logger.warning("waiting for the database: %s", in_one_line(error))
        except Exception:
            self._failures += 1
            logger.exception("a round of the scheduler failed")
        else:
            if self._failures:
                logger.info("the database answers again")
            self._failures = 0
            health_file.show(self.health_file, ready=True)
            return min(max(POLL if seconds is None else seconds, BREATH), POLL)
        finally:
            close_old_connections()
        health_file.show(self.health_file, ready=False)
        return back_off(self._failures)

    def _every(self, seconds: float, last: str, call: Callable[[], Any]) -> None:
        if time.monotonic() - getattr(self, last) >= seconds:
            call()
            setattr(self, last, time.monotonic())

    def _look_after(self) -> None:
        register_jobs(self.name, starting=not self._is_registered)
        self._is_registered = True
        end_lost_runs()

    def _wait(self, seconds: float) -> None:
        if select.select([self._wake_read], [], [], seconds)[0]:
            os.read(self._wake_read, 4096)

    def _end(self) -> None:
        health_file.show(self.health_file, ready=False)
        try:
            sign_off(self.name)
        except (DatabaseError, InterfaceError) as error:
            logger.warning("could not sign off: %s", in_one_line(error))
        self.shutdown()
        connections.close_all()
        os.close(self._wake_read)
        os.close(self._wake_write)
        logger.info("scheduler %s has ended", self.name)


def back_off(failures: int) -> float:
    """Return the seconds to wait after this many consecutive failures: 1, 2, 4 and so on, up to `LONGEST_WAIT`."""
    return min(float(2 ** min(failures - 1, 10)), LONGEST_WAIT)
