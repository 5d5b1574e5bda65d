"""The people in the admin: the list, the export, and who may change whom."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from keystone.accounts.models import User
from keystone.accounts.status import Status
from keystone.audit.models import AuditEvent
from keystone.sessions.models import Session
from keystone.testing.factories import UserFactory, approver, superuser
from tests.approval.admin_pages import NAMES, PEOPLE, browser, listed, page_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(root: User) -> Client:
    """The superuser's browser."""
    return browser(root)


def test_list_filters_by_status_flow_verified_staff_and_day(client: Client) -> None:
    nine_days_ago = timezone.now() - timedelta(days=9)
    UserFactory(email="rejected@example.com", status=Status.REJECTED, created_at=nine_days_ago)
    UserFactory(email="pending@example.com", status=Status.PENDING_EMAIL_VERIFICATION)
    assert set(listed(client.get(f"{PEOPLE}?status=rejected"))) == {"rejected@example.com"}
    assert set(listed(client.get(f"{PEOPLE}?status=rejected&status=active"))) == {
        "rejected@example.com",
        "root@example.com",
    }
    assert set(listed(client.get(f"{PEOPLE}?status=nonsense"))) == {
        "rejected@example.com",
        "pending@example.com",
        "root@example.com",
    }
    assert set(listed(client.get(f"{PEOPLE}?flow=none"))) == set()
    assert set(listed(client.get(f"{PEOPLE}?verified=no"))) == {"pending@example.com"}
    assert set(listed(client.get(f"{PEOPLE}?staff=yes"))) == {"root@example.com"}
    day = nine_days_ago.date().isoformat()
    assert set(listed(client.get(f"{PEOPLE}?created_at_from={day}&created_at_to={day}"))) == {"rejected@example.com"}
    assert set(listed(client.get(f"{PEOPLE}?decided_at_from={day}"))) == {"rejected@example.com"}
    assert len(set(listed(client.get(f"{PEOPLE}?created_at_from=nonsense&created_at_to=2026-99-99")))) == 3


def test_list_searches_by_word_prefix(client: Client) -> None:
    UserFactory(email="zed@acme.io", first_name="Zedekiah")
    assert set(listed(client.get(f"{PEOPLE}?q=zede+acm"))) == {"zed@acme.io"}
    assert set(listed(client.get(f"{PEOPLE}?q=edekiah"))) == set()


def test_list_and_pages_cost_the_same_at_one_and_three_rows(client: Client) -> None:
    user = UserFactory()
    pages = (PEOPLE, f"{PEOPLE}{user.pk}/history/", f"{PEOPLE}{user.pk}/sessions/")

    def more() -> None:
        AuditEvent.objects.create(
            actor_kind="system",
            actor_label="keystone",
            action="user.changed",
            target_type="user",
            target_id=str(user.pk),
            target_label=user.email,
            changes={"first_name": ["a", "b"]},
        )
        Session.objects.create(user=user, refresh_digest="", expires_at=timezone.now())

    def costs() -> list[int]:
        found = []
        for page in pages:
            with CaptureQueriesContext(connection) as queries:
                assert client.get(page).status_code == 200
            found.append(len(queries))
        return found

    more()
    first = costs()
    UserFactory()
    UserFactory()
    more()
    more()
    assert costs() == first
    assert max(first) <= 11


def test_superuser_gives_and_takes_roles_groups_and_permissions(client: Client, root: User) -> None:
    user = UserFactory()
    group = Group.objects.create(name="Reviewers")
    permission = Permission.objects.get(codename="approve_user")
    grants = {"is_staff": "on", "groups": [group.pk], "user_permissions": [permission.pk]}
    assert client.post(page_of(user), {**NAMES, **grants}).status_code == 302
    fresh = User.objects.get(pk=user.pk)
    assert (fresh.is_staff, fresh.is_superuser) == (True, False)
    assert list(fresh.groups.all()) == [group]
    assert list(fresh.user_permissions.all()) == [permission]
    changes: dict[str, Any] = {}
    for event in AuditEvent.objects.filter(action="user.roles_changed", actor=root):
        changes |= event.changes
    assert changes == {
        "is_staff": [False, True],
        "groups": [[], ["Reviewers"]],
        "user_permissions": [[], ["keystone.approve_user"]],
    }


def test_superuser_without_staff_is_refused_at_the_field(client: Client) -> None:
    response = client.post(page_of(UserFactory()), {**NAMES, "is_superuser": "on"})
    assert response.context["errors"] == [["A superuser must be staff too."]]


def test_own_roles_are_not_in_the_form(client: Client, root: User) -> None:
    assert client.post(page_of(root), {**NAMES, "is_staff": "", "is_superuser": ""}).status_code == 302
    fresh = User.objects.get(pk=root.pk)
    assert (fresh.first_name, fresh.is_staff, fresh.is_superuser) == ("Ann", True, True)


def test_staff_with_change_edits_names_and_nothing_else() -> None:
    editor = approver("view_user", "change_user", email="editor@example.com")
    user = UserFactory()
    group = Group.objects.create(name="Reviewers")
    grants = {"is_staff": "on", "is_superuser": "on", "groups": [group.pk], "user_permissions": ["1"]}
    assert browser(editor).post(page_of(user), {**NAMES, **grants}).status_code == 302
    fresh = User.objects.get(pk=user.pk)
    assert (fresh.first_name, fresh.is_staff, fresh.is_superuser) == ("Ann", False, False)
    assert (fresh.groups.count(), fresh.user_permissions.count()) == (0, 0)


@pytest.mark.parametrize("target", ["staff", "superuser", "self"])
def test_staff_cannot_touch_staff_through_any_form(target: str, root: User) -> None:
    everything = Permission.objects.filter(content_type__app_label="keystone")
    clerk = approver(email="clerk@example.com")
    clerk.user_permissions.set(everything)
    colleague = UserFactory(email="colleague@example.com", is_staff=True)
    other = superuser(email="other@example.com")
    user = {"staff": colleague, "superuser": other, "self": clerk}[target]
    client = browser(clerk)
    before = User.objects.filter(pk=user.pk).values().get()
    page = client.get(page_of(user))
    assert page.status_code == 200
    assert page.context["transitions"] == []
    assert 'name="first_name"' not in page.content.decode()
    assert client.post(page_of(user), NAMES).status_code == 403
    for transition in ("approve", "reject", "reopen", "suspend", "reactivate", "deactivate", "password"):
        body = {"reason": "x", "note": "", "password1": "long enough 77", "password2": "long enough 77"}
        assert client.get(f"{PEOPLE}{user.pk}/{transition}/").status_code == 403
        assert client.post(f"{PEOPLE}{user.pk}/{transition}/", body).status_code == 403
    response = client.post(f"{PEOPLE}bulk/suspend/", {"id": [str(user.pk)], "reason": "x", "note": ""})
    result = client.get(response["Location"]).context["result"]
    code = "own_account" if target == "self" else "protected_account"
    assert (result.done.count, [group.code for group in result.refused]) == (0, [code])
    # Signing in is the only thing that may have changed.
    after = User.objects.filter(pk=user.pk).values().get()
    assert {**after, "last_login": None} == {**before, "last_login": None}


def test_nothing_can_be_deleted(client: Client) -> None:
    user = UserFactory()
    assert client.post(f"{PEOPLE}{user.pk}/delete/", {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=user.pk).exists()


def test_export_follows_the_filters_and_escapes_formulas(client: Client) -> None:
    UserFactory(email="ann@example.com", first_name="=1+1", last_name="@SUM", status=Status.DEACTIVATED)
    response = client.post(f"{PEOPLE}export/?status=deactivated")
    lines = b"".join(response.streaming_content).decode("utf-8-sig").splitlines()  # type: ignore[attr-defined]  # a stream
    assert response["Content-Disposition"] == 'attachment; filename="people.csv"'
    assert len(lines) == 2
    header, row = (line.split(",") for line in lines)
    values = dict(zip(header, row, strict=True))
    assert (values["email"], values["first_name"], values["last_name"]) == ("ann@example.com", "'=1+1", "'@SUM")
    event = AuditEvent.objects.get()
    assert (event.action, event.changes) == ("users.exported", {"filters": [None, "status=deactivated"]})


def test_group_is_changed_by_superusers_only_and_audited(client: Client) -> None:
    group = Group.objects.create(name="Reviewers")
    clerk = UserFactory(is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(content_type__model="group"))
    permission = Permission.objects.get(codename="approve_user")
    body = {"name": "Reviewers", "permissions": [permission.pk]}
    address = f"/admin/auth/group/{group.pk}/change/"
    assert browser(clerk).get(address).status_code == 200
    assert browser(clerk).post(address, body).status_code == 403
    assert browser(clerk).post("/admin/auth/group/add/", body).status_code == 403
    assert browser(clerk).post(f"/admin/auth/group/{group.pk}/delete/", {"post": "yes"}).status_code == 403
    assert client.post(address, body).status_code == 302
    event = AuditEvent.objects.get()
    assert (event.action, event.changes) == ("group.changed", {"permissions": [[], ["keystone.approve_user"]]})
    assert client.post(f"/admin/auth/group/{group.pk}/delete/", {"post": "yes"}).status_code == 302
    assert list(AuditEvent.objects.values_list("action", flat=True).order_by("pk")) == [
        "group.changed",
        "group.deleted",
    ]
