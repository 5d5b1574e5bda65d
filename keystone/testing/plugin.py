"""Fixtures that the tests of several packages share."""

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from pytest_django import DjangoCaptureOnCommitCallbacks, DjangoDbBlocker, Settings
from rest_framework.test import APIClient

from keystone.accounts.models import User
from keystone.sign_in.with_tokens import sign_in
from keystone.testing.emptying import quick_emptying
from keystone.testing.factories import PASSWORD, approver, superuser
from keystone.testing.queued_tasks import QueuedTasks


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The tests' database, without the ready-made groups: tests of whole transactions could not keep them.

    The audit log may be truncated in it, in case Django empties it.
    """
    with ExitStack() as stack:
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute("ALTER TABLE keystone_auditevent DISABLE TRIGGER keystone_audit_table")
            Group.objects.all().delete()
            stack.enter_context(quick_emptying())
        yield


@pytest.fixture
def api() -> APIClient:
    """A client that nobody has signed in."""
    return APIClient()


@pytest.fixture
def signed_in() -> Callable[[User], APIClient]:
    """Makes a client that a person has signed in with a token, as an application would."""

    def sign(user: User) -> APIClient:
        client = APIClient()
        pair = sign_in(email=user.email, password=PASSWORD)
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {pair.access}")
        return client

    return sign


@pytest.fixture
def do(django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks) -> Callable[..., Any]:
    """Calls a verb, and lets what waits for the commit run."""

    def do(verb: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        with django_capture_on_commit_callbacks(execute=True):
            return verb(*args, **kwargs)

    return do


@pytest.fixture
def root() -> User:
    """A superuser."""
    return superuser(email="root@example.com")


@pytest.fixture
def anna() -> User:
    """Staff who may look and decide, and is no superuser."""
    return approver(email="anna@example.com", first_name="Anna", last_name="Decides")


@pytest.fixture
def queue(settings: Settings) -> None:
    """The real queue instead of tasks that run at once: what the test enqueues waits for a worker."""
    backend = "keystone.background.backend.ProcrastinateBackend"
    settings.TASKS = {"default": {**settings.TASKS["default"], "BACKEND": backend}}


@pytest.fixture
def queued_tasks(queue: None, transactional_db: None) -> QueuedTasks:
    """The real queue, whose `run()` works off what is due."""
    return QueuedTasks()


@pytest.fixture
def unlimited(settings: Settings) -> None:
    """Lifts the rate limits, for tests that make many requests."""
    limits = (
        "ATTEMPTS_PER_IP",
        "ATTEMPTS_PER_ADDRESS_AND_IP",
        "ATTEMPTS_PER_ADDRESS",
        "ATTEMPTS_PER_CODE_WINDOW",
        "REQUESTS_PER_IP",
        "CHANGES_PER_PERSON",
    )
    settings.KEYSTONE = settings.KEYSTONE | dict.fromkeys(limits, 1_000_000)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Write half characters, which hostile input holds, as escapes: xdist cannot pass on a captured line with one."""
    report = yield
    report.sections = [(title, text.encode(errors="backslashreplace").decode()) for title, text in report.sections]
    return report
