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
    """The plan that somebody agreed to is not the one that would be carried out."""

    code = "moved_meanwhile"
    message: ClassVar[str | Promise] = _(
        "The database was moved meanwhile. Nothing was touched: look at the plan again."
    )


def _to_nobody(_line: str) -> None:
    """Say nothing."""


def upgrade(
    target: str | None = None,
    *,
    branch: str | None = None,
    lock_timeout: float = LOCK_TIMEOUT,
    said: Callable[[str], None] = _to_nobody,
) -> list[str]:
    """Apply what is pending. Of several that do it at once, one does; the others wait, and find nothing to do.

    Args:
        target: how far: a migration, or `+1`; None is the newest.
        branch: an app; None is all of them, or whichever has the migration.
        lock_timeout: how long a statement waits for a lock before the migration fails, in seconds; 0 is for ever.
        said: is told of each migration that is done, and of a wait for others.

    Returns:
        The migrations that were applied, as `app.name`, in order.

    Raises:
        Refusal: there is no such migration or branch, or a migration failed.
        OperationalError: the database does not answer.
    """
    # Before the wait: where several go up by one, all of them mean the same migration.
    reached = target_above(planning.executor().loader, target, branch)
    with migrating(said):
        steps = planning.steps_up(planning.executor(), reached)
        if not steps and reached.name is not None:
            return []  # Django would go back to it
        arguments = [word for word in (reached.label, reached.name) if word is not None]
        return running.run(*arguments, seconds=lock_timeout, said=said)


def plan_upgrade(target: str | None = None, *, branch: str | None = None) -> list[Step]:
    """What `upgrade` would do. Touches nothing.

    Raises:
        Refusal: there is no such migration or branch.
    """
    executor = planning.executor()
    return planning.steps_up(executor, target_above(executor.loader, target, branch))


def plan_downgrade(target: str | None = None, *, branch: str | None = None) -> tuple[Target, list[Step]]:
    """Where `downgrade` would lead, and what it would undo. Touches nothing.

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
    """Undo what somebody agreed to.

    Args:
        reached: where it leads, from `plan_downgrade`.
        agreed: the steps, from there as well.
        lock_timeout: as for `upgrade`.
        said: as for `upgrade`.

    Returns:
        The migrations that were undone, as `app.name`, in order.

    Raises:
        Irreversible: one of the steps cannot be undone. Nothing was touched.
        MovedMeanwhile: others would be undone by now. Nothing was touched.
        MigrationFailed: one of them failed.
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
