"""Fixtures that the tests of several packages share."""

from collections.abc import Callable

import pytest
from django.db import connection
from pytest_django import DjangoDbBlocker
from rest_framework.test import APIClient

from keystone.accounts.models import User
from keystone.sessions.sign_in import sign_in
from keystone.tests.factories import PASSWORD, approver, superuser


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """The tests' database. Tests of whole transactions empty it by TRUNCATE, which the audit log refuses to others."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE keystone_auditevent DISABLE TRIGGER keystone_audit_table")


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
def root() -> User:
    """A superuser."""
    return superuser(email="root@example.com")


@pytest.fixture
def anna() -> User:
    """Staff who may look and decide, and is no superuser."""
    return approver(email="anna@example.com", first_name="Anna", last_name="Decides")
