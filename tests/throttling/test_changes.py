"""A limit on what people do to their own account: the audit log keeps each of it."""

from collections.abc import Callable

import pytest
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from keystone.accounts.models import User
from keystone.audit.models import AuditEvent
from keystone.sign_in.with_tokens import sign_in
from keystone.testing.factories import PASSWORD, UserFactory, superuser
from keystone.throttling.limits import TooManyAttempts

pytestmark = pytest.mark.django_db
SignedIn = Callable[[User], APIClient]


@pytest.fixture(autouse=True)
def _few(settings: Settings) -> None:
    settings.KEYSTONE = {**settings.KEYSTONE, "CHANGES_PER_PERSON": 3}


def test_own_changes_are_limited_whatever_they_are(signed_in: SignedIn) -> None:
    user, other = UserFactory(), UserFactory()
    client = signed_in(user)  # the first of three
    assert client.patch("/api/me/", {"first_name": "A"}).status_code == 200
    assert client.patch("/api/profile/", {"organisation": "B"}).status_code == 200
    events = AuditEvent.objects.count()
    for answer in (
        client.patch("/api/me/", {"first_name": "C"}),
        client.patch("/api/me/settings/", {"approval_notices": "off"}),
        client.post("/api/me/export/", {"current_password": PASSWORD}),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (429, "rate_limited")
        assert 0 < int(answer.headers["Retry-After"]) <= 900
    with pytest.raises(TooManyAttempts):
        sign_in(email=user.email, password=PASSWORD)
    assert AuditEvent.objects.count() == events
    assert client.get("/api/me/").json()["first_name"] == "A"
    assert signed_in(other).patch("/api/me/", {"first_name": "D"}).status_code == 200


def test_administrators_who_act_on_others_are_not_counted(signed_in: SignedIn) -> None:
    client = signed_in(superuser())
    user = UserFactory()
    for number in range(5):
        assert client.patch(f"/api/users/{user.pk}/", {"first_name": f"N{number}"}).status_code == 200


def test_own_pages_of_the_admin_are_counted_too() -> None:
    client = Client()
    client.force_login(superuser())
    chosen = ("off", "digest", "off", "digest")
    statuses = [client.post("/admin/notices/", {"approval_notices": value}).status_code for value in chosen]
    assert statuses == [302, 302, 302, 429]
