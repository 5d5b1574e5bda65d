"""Store jobs in django-apscheduler's table, each with its trigger and next run."""

import io
import logging
import pickle
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from apscheduler.job import Job
from apscheduler.jobstores.base import BaseJobStore
from django_apscheduler.jobstores import DjangoJobStore
from django_apscheduler.models import DjangoJob

from keystone.scheduling.registry import Declaration

if TYPE_CHECKING:
    from keystone.scheduling.triggers import Trigger

logger = logging.getLogger(__name__)

FUNCTION = "keystone.scheduling.claiming:claim_due_slot"  # of every job, so that no job is lost when code moves


# The only classes in the state of our jobs. Unpickling others would let anybody who can write the row run code.
STORED = {
    ("keystone.scheduling.triggers", "Cron"),
    ("keystone.scheduling.triggers", "Every"),
    ("datetime", "datetime"),
    ("datetime", "timedelta"),
    ("datetime", "timezone"),
}


class StoredJob(Job):
    """A job as stored in the table."""

    __slots__ = ()
    trigger: "Trigger"
    misfire_grace_time: int | None  # seconds

    def _get_run_times(self, now: datetime) -> list[datetime]:
        """Return one time, however long ago it was due. The slot to run is chosen later, with the row locked."""
        return [self.next_run_time]

    @property
    def signature(self) -> str:
        """The signature to compare with the declaration in the code."""
        return signature(self.trigger, self.misfire_grace_time)


class SlotStore(DjangoJobStore):
    """django-apscheduler's store, adapted to schedulers that run different code side by side.

    It does not delete jobs whose state it cannot read (another version wrote them) and keeps no second history. Moving
    a job to its next slot is left to the claim of the slot: both happen in one transaction.
    """

    def start(self, scheduler: Any, alias: str) -> None:
        """Start without the listeners that write django-apscheduler's history."""
        BaseJobStore.start(self, scheduler, alias)

    def update_job(self, job: Job) -> None:
        """Do nothing: `claim_due_slot` moves jobs on."""

    def remove_job(self, job_id: str) -> None:
        """Do nothing: no job ends by itself."""

    def _get_jobs(self, **filters: Any) -> list[StoredJob]:
        jobs = []
        for row in DjangoJob.objects.filter(**filters).order_by("next_run_time"):
            job = readable_job(row)
            if job is None:
                logger.warning("the job %s was stored by another version, and is left to its schedulers", row.pk)
                continue
            job._scheduler, job._jobstore_alias = self._scheduler, self._alias
            jobs.append(job)
        return jobs


def signature(trigger: "Trigger", grace: int | None) -> str:
    """Return a trigger and its grace in seconds as text."""
    return str(trigger) if grace is None else f"{trigger}, grace {grace} s"


def declared_signature(declaration: Declaration) -> str:
    """Return the signature of a job declared in the code."""
    return signature(declaration.trigger, _grace(declaration))


def stored_job(row: DjangoJob) -> StoredJob:
    """Return the job in a row, with the row's next run time, since the one in its state may be outdated.

    Raises:
        Exception: any exception, if another version or somebody else wrote the state.
    """
    state = _Unpickler(io.BytesIO(row.job_state)).load()
    if state["func"] != FUNCTION:
        raise pickle.UnpicklingError(f"{state['func']} is no function of a scheduled job.")
    job = StoredJob.__new__(StoredJob)
    job.__setstate__({**state, "next_run_time": row.next_run_time})
    return job


def readable_job(row: DjangoJob) -> StoredJob | None:
    """Return the job in a row, or None if this version cannot read it."""
    try:
        return stored_job(row)
    except Exception:  # noqa: BLE001 - a pickle of another version may raise anything
        return None


def write(declaration: Declaration, next_run_time: datetime | None) -> None:
    """Write the row of a job as declared in the code.

    Args:
        declaration: the job.
        next_run_time: its next slot (UTC); None if it does not run on schedule.
    """
    job = Job(
        _Clock,
        id=declaration.id,
        name=declaration.id,
        func=FUNCTION,
        args=(declaration.id,),
        kwargs={},
        trigger=declaration.trigger,
        executor="default",
        misfire_grace_time=_grace(declaration),
        coalesce=True,
        max_instances=1,
        next_run_time=next_run_time,
    )
    values = {"next_run_time": next_run_time, "job_state": _pickled(job)}
    DjangoJob.objects.update_or_create(pk=declaration.id, defaults=values)


def move(row: DjangoJob, next_run_time: datetime | None) -> None:
    """Set the next run time (UTC) of the job in a locked row. None stops the job."""
    row.next_run_time = next_run_time
    row.save(update_fields=("next_run_time",))


def _grace(declaration: Declaration) -> int | None:
    grace = declaration.misfire_grace
    return None if grace is None else int(grace.total_seconds())


def _pickled(job: Job) -> bytes:
    return pickle.dumps(job.__getstate__(), protocol=5)


class _Unpickler(pickle.Unpickler):
    """An unpickler for our own jobs only, so that write access to the table does not allow running code."""

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        if (module_name, global_name) not in STORED:
            raise pickle.UnpicklingError(f"{module_name}.{global_name} is no part of a scheduled job.")
        return super().find_class(module_name, global_name)


class _Clock:
    """The part of a scheduler that APScheduler needs to create a job."""

    timezone = UTC
