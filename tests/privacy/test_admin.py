"""A person's data in the admin."""

import json
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest

from keystone.accounts.models import User
from keystone.audit.models import AuditEvent
from keystone.testing.factories import UserFactory, approver
from tests.approval.admin_pages import PEOPLE, browser, page_of, told

pytestmark = pytest.mark.django_db


def data_page(user: User) -> str:
    return f"{PEOPLE}{user.pk}/personal-data/"


def test_the_data_of_a_person_is_downloaded(root: User) -> None:
    user = UserFactory(email="ann@example.com")
    client = browser(root)
    page = client.get(data_page(user))
    assert page.status_code == 200
    assert all(part in page.content.decode() for part in ("The account", "Sessions", "Mails", "Erase permanently"))
    answer: Any = client.post(data_page(user), {"export": "1"})
    with ZipFile(BytesIO(b"".join(answer.streaming_content))) as archive:
        assert json.loads(archive.read("about.json"))["email"] == "ann@example.com"
    noted = AuditEvent.objects.get()
    assert (noted.action, noted.actor_id) == ("user.data_exported", root.pk)


def test_a_person_is_erased_once_the_address_is_typed(root: User) -> None:
    user = UserFactory(email="ann@example.com")
    client = browser(root)
    for typed, error in (
        ("", "This field is required."),
        ("bob@example.com", "That is not the email address of this account."),
    ):
        page = client.post(data_page(user), {"email": typed})
        assert error in page.content.decode()
    assert User.objects.get(pk=user.pk).erased_at is None
    answer = client.post(data_page(user), {"email": "Ann@example.com"})
    assert (answer.status_code, answer["Location"]) == (302, page_of(user))
    assert told(answer) == ["The person has been erased. The history is kept under a pseudonym."]
    erased = User.objects.get(pk=user.pk)
    assert erased.erased_at is not None
    page = client.get(page_of(user))
    assert erased.email in page.content.decode()
    assert "Erased" in page.content.decode()
    for offered in ("/reactivate/", "/password/", 'name="_save"'):
        assert offered not in page.content.decode()
    page = client.get(data_page(user))
    assert "This person was erased, which cannot be undone." in page.content.decode()


def test_staff_are_told_of_instead_of_erased(root: User) -> None:
    user = approver()
    client = browser(root)
    assert "Withdraw their roles first." in client.get(data_page(user)).content.decode()
    client.post(data_page(user), {"email": user.email})
    assert User.objects.get(pk=user.pk).erased_at is None


@pytest.mark.parametrize(
    ("permission", "export", "erase"), [("export_user", 200, 403), ("erase_user", 403, 302), ("approve_user", 403, 403)]
)
def test_each_needs_its_own_permission(permission: str, export: int, erase: int) -> None:
    user = UserFactory()
    client = browser(approver("view_user", permission))
    answer: Any = client.post(data_page(user), {"export": "1"})
    assert answer.status_code == export
    assert not answer.streaming or b"".join(answer.streaming_content)
    assert client.post(data_page(user), {"email": user.email}).status_code == erase


def test_a_superuser_is_not_taken_away_by_staff(root: User) -> None:
    client = browser(approver("view_user", "export_user"))
    answer = client.post(data_page(root), {"export": "1"})
    assert told(answer) == ["Only a superuser can do this to staff or superusers."]
    assert not AuditEvent.objects.exists()
