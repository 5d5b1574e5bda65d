"""Jobs in django-apscheduler's table: next run and trigger of each."""

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

FUNCTION = "keystone.scheduling.claiming:claim_due_slot"  # of every job, so that none is lost where code moves


# All that the state of a job of ours is made of. Unpickling anything else runs what whoever wrote the row wanted run.
STORED = {
    ("keystone.scheduling.triggers", "Cron"),
    ("keystone.scheduling.triggers", "Every"),
    ("datetime", "datetime"),
    ("datetime", "timedelta"),
    ("datetime", "timezone"),
}


class StoredJob(Job):
    """A job as it stands in the table."""

    __slots__ = ()
    trigger: "Trigger"
    misfire_grace_time: int | None  # seconds

    def _get_run_times(self, now: datetime) -> list[datetime]:
        """One, however long ago it was due: which slot is run is decided with the row locked."""
        return [self.next_run_time]

    @property
    def signature(self) -> str:
        """By what it is seen whether the code declares the job as it is stored."""
        return signature(self.trigger, self.misfire_grace_time)


class SlotStore(DjangoJobStore):
    """django-apscheduler's store, where schedulers with different code use it side by side.

    It deletes no job whose state it cannot read (another version wrote it), keeps no second history, and leaves it to
    the claim of a slot to move a job on: in one transaction, so that neither happens without the other.
    """

    def start(self, scheduler: Any, alias: str) -> None:
        """Begin, without the listeners that write django-apscheduler's history."""
        BaseJobStore.start(self, scheduler, alias)

    def update_job(self, job: Job) -> None:
        """Nothing: see `claim_due_slot`."""

    def remove_job(self, job_id: str) -> None:
        """Nothing: no job ends by itself."""

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
    """A trigger and the seconds of its grace, as text."""
    return str(trigger) if grace is None else f"{trigger}, grace {grace} s"


def declared_signature(declaration: Declaration) -> str:
    """The same of what the code declares."""
    return signature(declaration.trigger, _grace(declaration))


def stored_job(row: DjangoJob) -> StoredJob:
    """The job in a row, with the time of the row: the one inside its state may be older.

    Raises:
        Exception: whatever a state raises that another version wrote, or somebody else.
    """
    state = _Unpickler(io.BytesIO(row.job_state)).load()
    if state["func"] != FUNCTION:
        raise pickle.UnpicklingError(f"{state['func']} is no function of a scheduled job.")
    job = StoredJob.__new__(StoredJob)
    job.__setstate__({**state, "next_run_time": row.next_run_time})
    return job


def readable_job(row: DjangoJob) -> StoredJob | None:
    """The same; None where this version cannot read it."""
    try:
        return stored_job(row)
    except Exception:  # noqa: BLE001 - whatever a pickle of another version raises
        return None


def write(declaration: Declaration, next_run_time: datetime | None) -> None:
    """Write the row of a job as the code declares it.

    Args:
        declaration: the job.
        next_run_time: its next slot (UTC); None where it does not run by itself.
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
    """Set when the job of a locked row runs next (UTC); None stops it."""
    row.next_run_time = next_run_time
    row.save(update_fields=("next_run_time",))


def _grace(declaration: Declaration) -> int | None:
    grace = declaration.misfire_grace
    return None if grace is None else int(grace.total_seconds())


def _pickled(job: Job) -> bytes:
    return pickle.dumps(job.__getstate__(), protocol=5)


class _Unpickler(pickle.Unpickler):
    """Reads what we write, and runs nothing: who can write to the table shall not thereby run code."""

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        if (module_name, global_name) not in STORED:
            raise pickle.UnpicklingError(f"{module_name}.{global_name} is no part of a scheduled job.")
        return super().find_class(module_name, global_name)


class _Clock:
    """What APScheduler asks a scheduler for when it makes a job."""

    timezone = UTC
