"""Fixtures that the tests of several packages share."""

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from keystone.accounts.models import User
from keystone.sessions.sign_in import sign_in
from keystone.tests.factories import PASSWORD


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
