"""One's own data through the API."""

import json
from collections.abc import Callable
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest
from rest_framework.test import APIClient

from keystone.accounts.models import User
from keystone.audit.models import AuditEvent
from keystone.testing.factories import PASSWORD, UserFactory, approver

pytestmark = pytest.mark.django_db
SignedIn = Callable[[User], APIClient]


def test_a_person_takes_their_data(signed_in: SignedIn) -> None:
    user = UserFactory(email="ann@example.com")
    answer: Any = signed_in(user).post("/api/me/export/", {"current_password": PASSWORD})
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/zip")
    assert answer["Content-Disposition"] == f'attachment; filename="personal-data-{user.pk}.zip"'
    assert answer["Cache-Control"] == "no-store"
    with ZipFile(BytesIO(b"".join(answer.streaming_content))) as archive:
        assert json.loads(archive.read("account.json"))["email"] == "ann@example.com"
    noted = AuditEvent.objects.get(action="user.data_exported")
    assert (noted.actor_kind, noted.actor_id) == ("person", user.pk)


@pytest.mark.parametrize("path", ["/api/me/export/", "/api/me/erase/"])
def test_the_password_is_asked_for(path: str, signed_in: SignedIn) -> None:
    user = UserFactory(email="ann@example.com")
    client = signed_in(user)
    answer = client.post(path, {"current_password": "wrong", **({"email": user.email} if "erase" in path else {})})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "wrong_password")
    assert client.post(path, {}).status_code == 400
    assert User.objects.get(pk=user.pk).erased_at is None
    assert not AuditEvent.objects.filter(action="user.data_exported").exists()


def test_a_person_erases_themselves(signed_in: SignedIn) -> None:
    user = UserFactory(email="Ann@example.com")
    client = signed_in(user)
    answer = client.post("/api/me/erase/", {"current_password": PASSWORD, "email": " ann@EXAMPLE.com"})
    assert (answer.status_code, answer.json()) == (200, {"detail": "Your account has been erased."})
    assert client.get("/api/me/").status_code == 401
    assert not User.objects.with_email("ann@example.com").exists()
    noted = AuditEvent.objects.get(action="user.erased")
    assert (noted.actor_kind, noted.actor_label) == ("person", f"{user.pk.hex}@erased.invalid")


def test_another_address_erases_nobody(signed_in: SignedIn) -> None:
    user, other = UserFactory(), UserFactory()
    answer = signed_in(user).post("/api/me/erase/", {"current_password": PASSWORD, "email": other.email})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "another_address")
    assert not User.objects.filter(erased_at__isnull=False).exists()


def test_staff_are_told_to_give_up_their_roles(signed_in: SignedIn) -> None:
    user = approver()
    answer = signed_in(user).post("/api/me/erase/", {"current_password": PASSWORD, "email": user.email})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "roles_first")
