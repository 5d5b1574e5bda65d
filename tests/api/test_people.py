import base64
import json
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.utils import timezone
from rest_framework.test import APIClient

from keystone.accounts.models import User
from keystone.accounts.status import Status
from keystone.audit.models import AuditEvent
from keystone.testing.factories import UserFactory, approver, superuser
from tests.contract.operations import operation as described

pytestmark = pytest.mark.django_db
SignedIn = Callable[[User], APIClient]
Committed = Callable[..., AbstractContextManager[list[Callable[[], Any]]]]

KEY = "00000000-0000-0000-0000-000000000000"


def forged(*parts: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([*parts, False]).encode()).decode().rstrip("=")


OPERATIONS = {
    "list": ("get", "/api/users/", "view_user"),
    "detail": ("get", "/api/users/{id}/", "view_user"),
    "counts": ("get", "/api/users/status-counts/", "view_user"),
    "create": ("post", "/api/users/", "add_user"),
    "edit": ("patch", "/api/users/{id}/", "change_user"),
    "approve": ("post", "/api/users/{id}/approve/", "approve_user"),
    "reject": ("post", "/api/users/{id}/reject/", "approve_user"),
    "reopen": ("post", "/api/users/{id}/reopen/", "approve_user"),
    "suspend": ("post", "/api/users/{id}/suspend/", "suspend_user"),
    "reactivate": ("post", "/api/users/{id}/reactivate/", "suspend_user"),
    "deactivate": ("post", "/api/users/{id}/deactivate/", "suspend_user"),
    "export": ("get", "/api/users/export/", "export_user"),
    "audit": ("get", "/api/audit/", "view_auditevent"),
}


@pytest.fixture
def admin(signed_in: SignedIn) -> APIClient:
    return signed_in(superuser(email="admin@example.com"))


def call(client: APIClient, operation: str, user: User, body: dict[str, Any] | None = None) -> Any:
    method, path, _ = OPERATIONS[operation]
    return getattr(client, method)(path.format(id=user.pk), body or {})


@pytest.mark.parametrize("operation", OPERATIONS)
def test_each_operation_wants_staff_with_its_permission(operation: str, api: APIClient, signed_in: SignedIn) -> None:
    user = UserFactory(status=Status.PENDING_ADMIN_APPROVAL)
    permission = OPERATIONS[operation][2]
    others = {entry[2] for entry in OPERATIONS.values()} - {permission}
    person = approver(permission)
    User.objects.filter(pk=person.pk).update(is_staff=False)
    assert call(api, operation, user).status_code == 401
    for refused in (UserFactory(), person, approver(*others)):
        answer = call(signed_in(refused), operation, user)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "permission_denied")
    assert call(signed_in(approver(permission)), operation, user).status_code not in {401, 403}
    assert call(signed_in(superuser()), operation, user).status_code not in {401, 403}


@pytest.mark.parametrize("rows", [1, 3])
def test_the_list_costs_the_same_for_any_number_of_rows(
    admin: APIClient, rows: int, django_assert_num_queries: Callable[[int], AbstractContextManager[Any]]
) -> None:
    UserFactory.create_batch(rows)
    with django_assert_num_queries(2):  # the session with its person; the page
        assert len(admin.get("/api/users/").json()["results"]) == rows + 1


def test_the_list_filters_searches_and_sorts(admin: APIClient) -> None:
    zoe = UserFactory(first_name="Zoe", last_name="Adams", status=Status.PENDING_ADMIN_APPROVAL)
    ann = UserFactory(first_name="Ann", last_name="Zimmer", status=Status.PENDING_EMAIL_VERIFICATION)

    def found(**query: Any) -> list[str]:
        return [row["first_name"] for row in admin.get("/api/users/", query).json()["results"]]

    both = ["pending_admin_approval", "pending_email_verification"]
    assert found(status=both, ordering="last_name") == ["Zoe", "Ann"]
    assert found(status=both, ordering="-last_name") == ["Ann", "Zoe"]
    assert found(status="pending_admin_approval", email_verified="true") == ["Zoe"]
    assert found(email_verified="false") == ["Ann"]
    assert found(search="zim an") == ["Ann"]
    assert found(search="zim zoe") == []
    assert found(is_superuser="false", created_after=zoe.created_at.isoformat()) == ["Ann", "Zoe"]
    assert found(created_before=ann.created_at.isoformat(), is_staff="false") == ["Zoe"]
    assert found(approval_flow="none") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"password": "x"}, "password"),
        ({"status": "frozen"}, "status"),
        ({"created_after": "yesterday"}, "created_after"),
        ({"ordering": "password"}, "ordering"),
        ({"ordering": "user_permissions__id"}, "ordering"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"cursor": "WyJ4IiwieSIsZmFsc2Vd"}, "cursor"),
        ({"page_size": "many"}, "page_size"),
        ({"is_staff": "maybe"}, "is_staff"),
        ({"created_after": "9999-12-31T23:59:59-23:59"}, "created_after"),
        ({"created_before": "0001-01-01T00:00:00+23:59"}, "created_before"),
        ({"cursor": forged("-created_at", "2026-01-01T00:00:00+23:59", "x")}, "cursor"),
        ({"cursor": forged("-created_at", "9999-12-31T23:59:59-23:59", KEY)}, "cursor"),
        ({"cursor": forged("email", "a@example.com", KEY)}, "cursor"),
        ({"cursor": forged("email", "a\x00", KEY), "ordering": "email"}, "cursor"),
        ({"cursor": forged("email", "\ud800", KEY), "ordering": "email"}, "cursor"),
        ({"cursor": forged("email", "a", "1"), "ordering": "email"}, "cursor"),
    ],
)
def test_the_list_refuses_what_it_does_not_know(admin: APIClient, query: dict[str, str], field: str) -> None:
    answer = admin.get("/api/users/", query)
    assert answer.status_code == 400
    assert list(answer.json()["error"]["fields"]) == [field]


def test_a_person_is_shown_whole(admin: APIClient) -> None:
    user = UserFactory(status=Status.REJECTED)
    row = admin.get(f"/api/users/{user.pk}/").json()
    assert (row["status"], row["rejection_count"], row["status_reason"]) == ("rejected", 1, "for a reason")
    assert "password" not in row
    assert admin.get(f"/api/users/{UserFactory.build().pk}/").json()["error"]["code"] == "not_found"
    assert admin.get("/api/users/nonsense/").json()["error"]["code"] == "not_found"


def test_create_makes_an_account(admin: APIClient) -> None:
    body = {"email": "bob@example.com", "first_name": "Bob", "password": "a good long one", "is_staff": True}
    answer = admin.post("/api/users/", body)
    assert (answer.status_code, answer.json()["status"], answer.json()["is_staff"]) == (201, "active", True)
    again = admin.post("/api/users/", body)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "address_taken")
    weak = admin.post("/api/users/", body | {"email": "eve@example.com", "password": "12345678"})
    assert list(weak.json()["error"]["fields"]) == ["password"]


def test_staff_cannot_make_or_touch_staff_or_superusers(signed_in: SignedIn) -> None:
    staff = signed_in(approver("add_user", "change_user", "suspend_user", "approve_user"))
    target = superuser()
    body = {"email": "bob@example.com", "first_name": "Bob"}
    for role in ("is_staff", "is_superuser"):
        answer = staff.post("/api/users/", body | {role: True})
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "protected_account")
        answer = staff.patch(f"/api/users/{UserFactory().pk}/", {role: True})
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "protected_account")
    attempts: dict[str, dict[str, Any]] = {"suspend": {"reason": "x"}, "deactivate": {}, "edit": {"first_name": "x"}}
    for operation, extra in attempts.items():
        answer = call(staff, operation, target, extra)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "protected_account")
    assert not User.objects.filter(email="bob@example.com").exists()


def test_edit_changes_names_and_roles_but_never_the_status(admin: APIClient) -> None:
    user = UserFactory()
    answer = admin.patch(f"/api/users/{user.pk}/", {"first_name": "New", "is_staff": True})
    assert (answer.json()["first_name"], answer.json()["is_staff"]) == ("New", True)
    for field in ("status", "email", "is_active", "password", "email_verified_at"):
        answer = admin.patch(f"/api/users/{user.pk}/", {field: "active"})
        assert (answer.status_code, list(answer.json()["error"]["fields"])) == (400, [field])
    assert admin.put(f"/api/users/{user.pk}/", {}).json()["error"]["code"] == "method_not_allowed"
    assert admin.delete(f"/api/users/{user.pk}/").json()["error"]["code"] == "method_not_allowed"


def test_the_moves_through_the_api(
    admin: APIClient, mailoutbox: list[EmailMessage], django_capture_on_commit_callbacks: Committed
) -> None:
    user = UserFactory(status=Status.PENDING_EMAIL_VERIFICATION, email="ann@example.com")
    refused = call(admin, "approve", user)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "address_unverified")
    until = (timezone.now() + timedelta(days=1)).isoformat()
    steps: list[tuple[str, dict[str, Any], str]] = [
        ("reject", {"reason": "No", "note": "n"}, "rejected"),
        ("reopen", {"note": "again"}, "pending_email_verification"),
        ("approve", {"even_unverified": True}, "active"),
        ("suspend", {"reason": "Late", "until": until}, "suspended"),
        ("reactivate", {"reason": "Paid"}, "active"),
        ("deactivate", {"notify": False}, "deactivated"),
    ]
    for operation, body, status in steps:
        with django_capture_on_commit_callbacks(execute=True):
            answer = call(admin, operation, user, body)
        assert (operation, answer.status_code, answer.json()["status"]) == (operation, 200, status)
    assert len(mailoutbox) == 5
    actions = AuditEvent.objects.filter(target_id=str(user.pk)).order_by("id").values_list("action", flat=True)
    assert list(actions) == [
        "user.rejected",
        "user.reopened",
        "user.approved",
        "user.suspended",
        "user.reactivated",
        "user.deactivated",
    ]
    again = call(admin, "deactivate", user)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "illegal_transition")
    late = call(admin, "approve", user)
    assert (late.status_code, late.json()["error"]["code"]) == (409, "already_decided")
    assert call(admin, "suspend", user).json()["error"]["fields"] == {"reason": ["This field is required."]}


def test_bulk_moves_those_it_can_and_tells_of_the_others(admin: APIClient) -> None:
    waiting = UserFactory(status=Status.PENDING_ADMIN_APPROVAL)
    active = UserFactory(email="active@example.com")
    gone = str(UserFactory.build().pk)
    body = {"action": "approve", "ids": [str(waiting.pk), str(active.pk), gone], "reason": "Hello"}
    answer = admin.post("/api/users/bulk/", body).json()
    assert answer["succeeded"] == [str(waiting.pk)]
    [refused] = answer["refused"]
    assert (refused["id"], refused["email"], refused["code"]) == (
        str(active.pk),
        "active@example.com",
        "illegal_transition",
    )
    assert answer["missing"] == [gone]


def test_bulk_takes_the_filters_of_the_list(admin: APIClient) -> None:
    UserFactory.create_batch(3, status=Status.PENDING_ADMIN_APPROVAL)
    UserFactory()
    body = {"action": "reject", "filter": {"status": ["pending_admin_approval"], "is_staff": False}}
    assert len(admin.post("/api/users/bulk/", body).json()["succeeded"]) == 3
    assert User.objects.filter(status=Status.REJECTED).count() == 3


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"action": "approve"},
        {"action": "approve", "ids": []},
        {"action": "approve", "ids": ["nonsense"]},
        {"action": "approve", "filter": {}},
        {"action": "approve", "filter": {"password": "x"}},
        {"action": "approve", "filter": "everybody"},
        {"action": "delete", "filter": {"status": "active"}},
        {"action": "approve", "filter": {"status": "active"}, "ids": ["00000000-0000-0000-0000-000000000000"]},
        {"action": "suspend", "filter": {"status": "active"}},
        {"action": "deactivate", "filter": {"is_staff": "maybe"}},
        {"action": "deactivate", "filter": {"is_staff": None}},
        {"action": "deactivate", "filter": {"search": " "}},
        {"action": "deactivate", "filter": {"search": "", "status": "active"}},
        {"action": "deactivate", "filter": {"status": []}},
        {"action": "deactivate", "filter": {"status": ""}},
        {"action": "deactivate", "filter": {"approval_flow": ""}},
        {"action": "deactivate", "filter": {"created_after": ""}},
        {"action": "deactivate", "filter": {"ordering": "email"}},
        {"action": "approve", "ids": ["00000000-0000-0000-0000-000000000000"] * 5_001},
    ],
)
def test_bulk_refuses_what_it_cannot_understand(admin: APIClient, body: dict[str, Any]) -> None:
    assert admin.post("/api/users/bulk/", body).status_code == 400
    assert not AuditEvent.objects.exclude(action="user.signed_in").exists()


def test_bulk_refuses_filters_of_another_type(admin: APIClient) -> None:
    UserFactory(email="x@none.test", first_name="None", last_name="7")
    UserFactory(email="y@true.test", first_name="True", last_name="7")
    wrong: list[Any] = [None, True, 7, 7.0, ["None"], ["7", "None"], [], {}, {"a": "None"}, [["None"]], [None]]
    texts = ("search", "approval_flow", "created_after", "created_before")
    flags = ("is_staff", "is_superuser", "email_verified")
    cases: list[tuple[str, Any]] = [(name, value) for name in texts for value in wrong]
    cases += [(name, value) for name in flags for value in wrong if value is not True]
    of_status: list[Any] = [None, True, 7, {}, [], [None], [["active"]], ["active", None], [{}]]
    cases += [("status", value) for value in of_status]
    for name, value in cases:
        answer = admin.post("/api/users/bulk/", {"action": "suspend", "filter": {name: value}, "reason": "x"})
        assert (answer.status_code, list(answer.json()["error"]["fields"])) == (400, [name]), (name, value)
    assert not User.objects.filter(status=Status.SUSPENDED).exists()
    body = {"action": "suspend", "filter": {"search": "none", "is_staff": "false", "status": "active"}, "reason": "x"}
    assert len(admin.post("/api/users/bulk/", body).json()["succeeded"]) == 1


def test_a_query_parameter_that_takes_one_value_is_given_once(admin: APIClient) -> None:
    single = set(described("users_list").query) - {"status"}
    assert len(single) >= 8
    for path in ("/api/users/", "/api/users/export/"):
        paging = {"cursor", "ordering", "page_size"} if "export" in path else set[str]()
        for name in single - paging:
            answer = admin.get(f"{path}?{name}=&{name}=email", headers={"Accept": "application/json"})
            assert (answer.status_code, list(answer.json()["error"]["fields"])) == (400, [name]), (path, name)
    sessions = admin.get("/api/auth/sessions/?page_size=1&page_size=2")
    assert (sessions.status_code, list(sessions.json()["error"]["fields"])) == (400, ["page_size"])
    assert admin.get("/api/users/?status=active&status=rejected").status_code == 200


def test_bulk_takes_as_many_ids_as_it_says(admin: APIClient) -> None:
    ids = [str(uuid.uuid4()) for _ in range(5_000)]
    answer = admin.post("/api/users/bulk/", {"action": "approve", "ids": ids})
    assert (answer.status_code, len(answer.json()["missing"])) == (200, 5_000)


def test_the_list_takes_a_filter_without_a_value_as_none(admin: APIClient) -> None:
    assert len(admin.get("/api/users/", {"search": "", "status": ""}).json()["results"]) == 1


def test_bulk_wants_the_permission_of_the_move(signed_in: SignedIn) -> None:
    staff = signed_in(approver("view_user", "approve_user"))
    body = {"filter": {"status": "active"}, "reason": "x"}
    answer = staff.post("/api/users/bulk/", body | {"action": "suspend"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "permission_denied")
    assert staff.post("/api/users/bulk/", body | {"action": "approve"}).status_code == 200


def test_status_counts_count_every_status(admin: APIClient) -> None:
    UserFactory(status=Status.SUSPENDED)
    assert admin.get("/api/users/status-counts/").json() == {
        "pending_email_verification": 0,
        "pending_admin_approval": 0,
        "active": 1,
        "rejected": 0,
        "suspended": 1,
        "deactivated": 0,
        "total": 2,
    }


def test_export_streams_the_filtered_people_as_csv(admin: APIClient) -> None:
    UserFactory(first_name="=1+1", email="ann@example.com", status=Status.SUSPENDED)
    answer = admin.get("/api/users/export/", {"status": "suspended"}, headers={"Accept": "text/csv"})
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    lines = b"".join(answer.streaming_content).decode().splitlines()  # type: ignore[attr-defined]  # it streams
    assert len(lines) == 2
    assert "ann@example.com" in lines[1]
    assert ",=1+1" not in lines[1]
    event = AuditEvent.objects.get(action="users.exported")
    assert (event.actor_label, event.changes) == ("admin@example.com", {"filters": [None, "status=suspended"]})
    assert admin.get("/api/users/export/", {"nonsense": "x"}).status_code == 400


def test_the_audit_log_can_be_read_and_filtered(admin: APIClient) -> None:
    user = UserFactory(status=Status.PENDING_ADMIN_APPROVAL)
    call(admin, "approve", user, {"reason": "Hello"})
    [event] = admin.get("/api/audit/", {"target_id": str(user.pk)}).json()["results"]
    assert (event["action"], event["actor_label"], event["reason"]) == ("user.approved", "admin@example.com", "Hello")
    assert admin.get(f"/api/audit/{event['id']}/").json() == event
    assert admin.get("/api/audit/", {"action": "user.rejected"}).json()["results"] == []
    assert admin.get("/api/audit/", {"actor_kind": "robot"}).status_code == 400
    assert admin.delete(f"/api/audit/{event['id']}/").status_code == 405
