"""Fixtures shared by the tests of several packages."""

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
    """Set up the test database without the predefined groups, which transactional tests would delete.

    The audit log's table may be truncated in it, in case Django flushes the database.
    """
    with ExitStack() as stack:
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute("ALTER TABLE keystone_auditevent DISABLE TRIGGER keystone_audit_table")
            Group.objects.all().delete()
            stack.enter_context(quick_emptying())
        yield


@pytest.fixture
def api() -> APIClient:
    """Return a client that is not signed in."""
    return APIClient()


@pytest.fixture
def signed_in() -> Callable[[User], APIClient]:
    """Return a function that creates a client signed in with a token, as an application would."""

    def sign(user: User) -> APIClient:
        client = APIClient()
        pair = sign_in(email=user.email, password=PASSWORD)
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {pair.access}")
        return client

    return sign


@pytest.fixture
def do(django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks) -> Callable[..., Any]:
    """Return a function that calls another one and runs its on-commit hooks."""

    def do(verb: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        with django_capture_on_commit_callbacks(execute=True):
            return verb(*args, **kwargs)

    return do


@pytest.fixture
def root() -> User:
    """Return a superuser."""
    return superuser(email="root@example.com")


@pytest.fixture
def anna() -> User:
    """Return a staff user who may view and approve, but is not a superuser."""
    return approver(email="anna@example.com", first_name="Anna", last_name="Decides")


@pytest.fixture
def queue(settings: Settings) -> None:
    """Use the real queue instead of running tasks immediately: enqueued tasks wait for a worker."""
    backend = "keystone.background.backend.ProcrastinateBackend"
    settings.TASKS = {"default": {**settings.TASKS["default"], "BACKEND": backend}}


@pytest.fixture
def queued_tasks(queue: None, transactional_db: None) -> QueuedTasks:
    """Return the real queue, whose `run()` runs the due tasks."""
    return QueuedTasks()


@pytest.fixture
def unlimited(settings: Settings) -> None:
    """Lift the rate limits, for tests that make many requests."""
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
    """Escape lone surrogates in captured output, which come from hostile input: xdist can't transfer them."""
    report = yield
    report.sections = [(title, text.encode(errors="backslashreplace").decode()) for title, text in report.sections]
    return report
