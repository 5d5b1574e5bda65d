from collections.abc import Callable

import pytest
from pytest_django import DjangoCaptureOnCommitCallbacks
from rest_framework.test import APIClient

from keystone.accounts import lifecycle
from keystone.accounts.models import User
from keystone.accounts.status import Status
from keystone.actors.actor import Actor
from keystone.testing.factories import UserFactory
from project.models import Profile

pytestmark = pytest.mark.django_db


def test_an_approval_is_heard(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks, caplog: pytest.LogCaptureFixture
) -> None:
    user = UserFactory(status=Status.PENDING_ADMIN_APPROVAL)
    with caplog.at_level("INFO", logger="project"), django_capture_on_commit_callbacks(execute=True):
        lifecycle.approve_user(user, by=Actor.system())
    assert [record.getMessage() for record in caplog.records if record.name == "project.receivers"] == [
        f"approved: {user.pk}"
    ]


def test_profile_is_ones_own(signed_in: Callable[[User], APIClient]) -> None:
    user = UserFactory()
    client = signed_in(user)
    assert client.get("/api/profile/").json()["organisation"] == ""
    assert client.patch("/api/profile/", {"organisation": "ACME"}).json()["organisation"] == "ACME"
    assert str(Profile.objects.get(user=user)) == user.email
    assert client.delete("/api/profile/").status_code == 405


def test_profile_wants_a_session() -> None:
    assert APIClient().get("/api/profile/").status_code == 401
