"""Run a job for one slot, in a worker, and record the result."""

import inspect
import logging
from datetime import timedelta
from typing import Any

from asgiref.sync import async_to_sync
from django.db import InterfaceError, OperationalError, close_old_connections, connection, transaction
from django.utils import timezone

from keystone.background.arguments import storable
from keystone.background.errors import storable_text, traceback_of
from keystone.background.retries import OTHER_CODE, OTHER_CODE_PATIENCE, RetryLater, doubled
from keystone.observability.logs.key_value_masking import MASK, is_secret_name
from keystone.observability.logs.masking import masked
from keystone.scheduling.lost_runs import end_as_lost, going_on
from keystone.scheduling.models import RunState, ScheduledJob, ScheduledRun
from keystone.scheduling.registry import Declaration, declarations
from keystone.scheduling.slots import running_slot

logger = logging.getLogger(__name__)

DATABASE_AWAY = timedelta(seconds=10)  # until the next try when the database is away
FIRST_DELAY, LONGEST_DELAY = timedelta(seconds=30), timedelta(minutes=15)  # between attempts at one slot
NO_CODE = "No job of this name is in the code of the workers."


def run(run_id: int) -> None:
    """Run the job of a run that is enqueued or whose worker was lost, and record the result.

    Exceptions of the job are stored in the run and logged, but not raised: the next attempt or the next slot follows.

    Raises:
        RetryLater: the run must be retried: the job failed and has attempts left, this worker's code does not have
            the job yet, or the database went away.
    """
    try:
        begun = begin(run_id)
    except (OperationalError, InterfaceError) as error:
        raise RetryLater("the database is away", after=DATABASE_AWAY) from error
    if begun is None:
        return
    run, declaration = begun
    failure: Exception | None = None
    result: Any = None
    try:
        with running_slot(run.slot):
            result = _call(declaration)
    except Exception as error:
        logger.exception("the job %s failed", declaration.id)
        failure = error
    if not connection.in_atomic_block:
        close_old_connections()  # it may have been lost while the job ran
    try:
        if failure is None:
            _write(run, state=RunState.SUCCEEDED, finished_at=timezone.now(), result=_kept(result))
            return
        _fail(run, failure, declaration)
    except (OperationalError, InterfaceError) as error:
        raise RetryLater("the database is away", after=DATABASE_AWAY) from error


def begin(run_id: int) -> tuple[ScheduledRun, Declaration] | None:
    """Mark a run as running, unless it is over or must not overlap with another run.

    Returns:
        The run and its declaration; None if there is nothing to run.

    Raises:
        RetryLater: this worker's code does not have the job yet.
    """
    with transaction.atomic():
        run = ScheduledRun.objects.filter(pk=run_id).first()
        if run is None:
            return None
        # Only one at a time per job, so that two runs cannot start without seeing each other.
        ScheduledJob.objects.select_for_update(no_key=True).get(pk=run.job_id)
        run.refresh_from_db()
        if run.state in {RunState.SUCCEEDED, RunState.SKIPPED, RunState.MISSED}:
            return None
        declaration = declarations().get(run.job_id)
        if declaration is None:
            _wait_for_code(run)
            return None
        if not declaration.overlap and _another_goes_on(run):
            _write(run, state=RunState.SKIPPED, finished_at=timezone.now())
            return None
        begun = {"state": RunState.RUNNING, "started_at": timezone.now(), "finished_at": None}
        _write(run, **begun, attempts=run.attempts + 1)
    return run, declaration


def _another_goes_on(run: ScheduledRun) -> bool:
    others = list(ScheduledRun.objects.filter(job_id=run.job_id, state=RunState.RUNNING).exclude(pk=run.pk))
    alive = going_on(others)
    end_as_lost(other for other in others if other.pk not in alive)
    return bool(alive)


def _wait_for_code(run: ScheduledRun) -> None:
    """Leave a run to a worker with newer code, or mark it as failed.

    Raises:
        RetryLater: such a worker may still come.
    """
    if timezone.now() - run.claimed_at < OTHER_CODE_PATIENCE:
        raise RetryLater(f"no code for the job {run.job_id}", after=OTHER_CODE)
    _write(run, state=RunState.FAILED, finished_at=timezone.now(), error=NO_CODE)


def _call(declaration: Declaration) -> Any:
    function: Any = declaration.function
    return async_to_sync(function)() if inspect.iscoroutinefunction(function) else function()


def _fail(run: ScheduledRun, error: Exception, declaration: Declaration) -> None:
    """Store the traceback.

    Raises:
        RetryLater: another attempt is due.
    """
    kept = traceback_of(error)
    if run.attempts < declaration.max_attempts:
        if _write(run, state=RunState.ENQUEUED, error=kept):
            delay = doubled(FIRST_DELAY, failures=run.attempts, longest=LONGEST_DELAY)
            raise RetryLater(f"attempt {run.attempts} of {declaration.max_attempts} failed", after=delay)
        return
    _write(run, state=RunState.FAILED, finished_at=timezone.now(), error=kept)


def _write(run: ScheduledRun, **values: Any) -> bool:
    """Update a run unless another worker has restarted it since, and return whether it was updated."""
    unchanged = ScheduledRun.objects.filter(pk=run.pk, attempts=run.attempts, state=run.state)
    if not unchanged.update(**values):
        logger.warning("the run %s of %s goes on elsewhere", run.pk, run.job_id)
        return False
    for name, value in values.items():
        setattr(run, name, value)
    return True


def _kept(result: Any) -> Any:
    """Return a job's result as JSON without secrets, or as text if it is not JSON."""
    try:
        return _clean(storable(result, what="the result"))
    except (TypeError, ValueError):
        return storable_text(repr(result))


def _clean(value: Any, name: str = "") -> Any:
    """Replace each text that is a secret with `…`. Numbers are never secrets."""
    if isinstance(value, dict):
        return {key: _clean(item, str(key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_clean(item, name) for item in value]
    if isinstance(value, str):
        return MASK if value and is_secret_name(name) else masked(value)
    return value
