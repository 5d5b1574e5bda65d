"""Migrate up and down, one process at a time."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from keystone.database import planning, running
from keystone.database.locking import LOCK_TIMEOUT, migrating
from keystone.database.planning import Step
from keystone.database.targets import Target, target_above, target_below
from keystone.exceptions import Refusal


class MovedMeanwhile(Refusal):
    """The plan has changed since somebody agreed to it."""

    code = "moved_meanwhile"
    message: ClassVar[str | Promise] = _(
        "The database has been migrated in the meantime. Nothing was changed: look at the plan again."
    )


def _to_nobody(_line: str) -> None:
    """Discard the message."""


def upgrade(
    target: str | None = None,
    *,
    branch: str | None = None,
    lock_timeout: float = LOCK_TIMEOUT,
    said: Callable[[str], None] = _to_nobody,
) -> list[str]:
    """Apply pending migrations.

    If several processes call this at once, one of them migrates; the others wait and find nothing to do.

    Args:
        target: a migration or `+1`; None for the newest.
        branch: an app label; None for all apps, or for the one that has the migration.
        lock_timeout: seconds that a statement waits for a lock before the migration fails; 0 waits for ever.
        said: called with a message for each applied migration, and if other processes have to be waited for.

    Returns:
        The applied migrations as `app.name`, in order.

    Raises:
        Refusal: there is no such migration or branch, or a migration failed.
        OperationalError: the database does not answer.
    """
    # Resolved before the wait: if several processes go up by one, all of them mean the same migration.
    reached = target_above(planning.executor().loader, target, branch)
    with migrating(said):
        steps = planning.steps_up(planning.executor(), reached)
        if not steps and reached.name is not None:
            return []  # Django would migrate backwards to it
        arguments = [word for word in (reached.label, reached.name) if word is not None]
        return running.run(*arguments, seconds=lock_timeout, said=said)


def plan_upgrade(target: str | None = None, *, branch: str | None = None) -> list[Step]:
    """Return the steps of `upgrade` without changing anything.

    Raises:
        Refusal: there is no such migration or branch.
    """
    executor = planning.executor()
    return planning.steps_up(executor, target_above(executor.loader, target, branch))


def plan_downgrade(target: str | None = None, *, branch: str | None = None) -> tuple[Target, list[Step]]:
    """Return the target and the steps of `downgrade` without changing anything.

    Raises:
        Refusal: there is no such migration or branch, or it is not applied.
    """
    executor = planning.executor()
    reached = target_below(executor.loader, target, branch)
    return reached, planning.steps_down(executor, reached)


def downgrade(
    reached: Target,
    agreed: Sequence[Step],
    *,
    lock_timeout: float = LOCK_TIMEOUT,
    said: Callable[[str], None] = _to_nobody,
) -> list[str]:
    """Undo migrations according to a plan that somebody agreed to.

    Args:
        reached: the target, from `plan_downgrade`.
        agreed: the steps, from `plan_downgrade`.
        lock_timeout: as for `upgrade`.
        said: as for `upgrade`.

    Returns:
        The migrations that were undone as `app.name`, in order.

    Raises:
        Irreversible: one of the steps cannot be undone. Nothing was changed.
        MovedMeanwhile: the plan has changed in the meantime. Nothing was changed.
        MigrationFailed: one of the steps failed.
        OperationalError: the database does not answer.
    """
    planning.refuse_irreversible(agreed)
    if not agreed:
        return []
    with migrating(said):
        steps = planning.steps_down(planning.executor(), reached)
        if [step.key for step in steps] != [step.key for step in agreed]:
            raise MovedMeanwhile
        return running.run(str(reached.label), reached.name or "zero", seconds=lock_timeout, said=said)
