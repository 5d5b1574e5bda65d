"""Prepare a start: wait for the database, migrate, make the first administrator.

Every machine may do it at each start, several at once: whatever is there already stays as it is.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import IntEnum

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, InterfaceError

from keystone.caching.versions import changed
from keystone.database.moving import upgrade
from keystone.database.waiting import wait_for_database
from keystone.development.environment import require_local
from keystone.development.known_accounts import refuse_known_accounts
from keystone.development.preparation import ensure_accounts
from keystone.exceptions import Refusal
from keystone.server.first_administrator import Administrator, ensure_first_administrator
from keystone.text.one_line import in_one_line


class Step(IntEnum):
    """The steps, each with the exit status of a command that fails in it."""

    WAIT = 10
    MIGRATE = 11
    ADMINISTRATOR = 12
    SEED = 13
    ACCOUNTS = 14


class StepFailed(Exception):  # noqa: N818 - it says what happened
    """A step did not succeed; those before it did, and those after it were not begun."""

    def __init__(self, step: Step, why: str) -> None:
        super().__init__(why)
        self.step = step


@dataclass
class Prepared:
    """What was done.

    Attributes:
        migrations: those that were applied, as `app.name`.
        administrator: who was made.
        people: how many sample people were made.
    """

    migrations: list[str] = field(default_factory=list)
    administrator: Administrator = field(default_factory=Administrator)
    people: int = 0


def prepare(
    *, seed: bool, retries: int, interval: float, timeout: float, lock_timeout: float, said: Callable[[str], None]
) -> Prepared:
    """Do all steps in order.

    Args:
        seed: whether an empty database gets development's administrator and sample people.
        retries: how often to try again to reach the database.
        interval: seconds between two attempts.
        timeout: seconds that an attempt may take, at least 2.
        lock_timeout: seconds that a migration waits for a lock.
        said: is told what happens meanwhile.

    Raises:
        StepFailed: with the step, and a line that says why.
    """
    done = Prepared()
    if seed:
        with _step(Step.SEED):
            require_local()  # before anything is done
    with _step(Step.WAIT):
        wait_for_database(attempts=retries + 1, interval=interval, timeout=timeout, said=said)
    with _step(Step.MIGRATE):
        done.migrations = upgrade(lock_timeout=lock_timeout, said=said)
        changed()  # another version of the code may have kept answers of another form
    with _step(Step.ACCOUNTS):
        refuse_known_accounts()
    with _step(Step.ADMINISTRATOR):
        done.administrator = ensure_first_administrator()
    if seed:
        with _step(Step.SEED):
            done.people = ensure_accounts().people
    return done


@contextmanager
def _step(step: Step) -> Iterator[None]:
    try:
        yield
    except Refusal as refusal:
        raise StepFailed(step, refusal.detail) from None
    except (DatabaseError, InterfaceError, ImproperlyConfigured) as error:
        raise StepFailed(step, in_one_line(error)) from error
