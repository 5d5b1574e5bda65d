"""Prepare a start: wait for the database, migrate, create the first administrator.

Every machine may run it at each start, also concurrently: existing data isn't changed.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import IntEnum

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, InterfaceError

from keystone.caching.versions import changed
from keystone.database.migrating import upgrade
from keystone.database.waiting import wait_for_database
from keystone.development.environment import require_local
from keystone.development.known_accounts import refuse_known_accounts
from keystone.development.preparation import ensure_accounts
from keystone.exceptions import Refusal
from keystone.server.first_administrator import Administrator, ensure_first_administrator
from keystone.text.one_line import in_one_line


class Step(IntEnum):
    """The steps, with the exit status of a command that fails in them."""

    WAIT = 10
    MIGRATE = 11
    ADMINISTRATOR = 12
    SEED = 13
    ACCOUNTS = 14


class StepFailed(Exception):  # noqa: N818 - the name describes what happened
    """A step failed. The earlier steps succeeded, and the later ones were not run."""

    def __init__(self, step: Step, why: str) -> None:
        super().__init__(why)
        self.step = step


@dataclass
class PrestartResult:
    """The result of the preparation.

    Attributes:
        migrations: the applied migrations, as `app.name`.
        administrator: the result of creating the first administrator.
        people: how many sample people were created.
    """

    migrations: list[str] = field(default_factory=list)
    administrator: Administrator = field(default_factory=Administrator)
    people: int = 0


def prepare(
    *, seed: bool, retries: int, interval: float, timeout: float, lock_timeout: float, said: Callable[[str], None]
) -> PrestartResult:
    """Run all steps in order.

    Args:
        seed: whether to create the development administrator and sample people in an empty database.
        retries: how often to retry connecting to the database.
        interval: the seconds between two attempts.
        timeout: the seconds that an attempt may take, at least 2.
        lock_timeout: the seconds that a migration waits for a lock.
        said: a function that is called with progress messages.

    Raises:
        StepFailed: with the step and a one-line reason.
    """
    done = PrestartResult()
    if seed:
        with _step(Step.SEED):
            require_local()  # before anything is done
    with _step(Step.WAIT):
        wait_for_database(attempts=retries + 1, interval=interval, timeout=timeout, said=said)
    with _step(Step.MIGRATE):
        done.migrations = upgrade(lock_timeout=lock_timeout, said=said)
        changed()  # another version of the code may have cached responses in another format
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
