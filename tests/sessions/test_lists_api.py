"""The API of open sessions: one's own, and those of others for staff."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from keystone.accounts.models import User
from keystone.audit.models import AuditEvent
from keystone.sessions.models import Session
from keystone.sign_in.with_tokens import sign_in
from keystone.testing.factories import PASSWORD, UserFactory, approver, superuser
from tests.approval.admin_pages import browser, told

pytestmark = pytest.mark.django_db
SignedIn = Callable[[User], APIClient]


def bearer(access: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {access}")
    return client


def actions() -> list[str]:
    return list(AuditEvent.objects.exclude(action="user.signed_in").values_list("action", flat=True))


@pytest.fixture
def ann() -> User:
    return UserFactory(email="ann@example.com")


def test_the_list_shows_ones_own_open_sessions(ann: User) -> None:
    first = sign_in(email=ann.email, password=PASSWORD, user_agent="Phone")
    second = sign_in(email=ann.email, password=PASSWORD, user_agent="Laptop")
    sign_in(email=UserFactory().email, password=PASSWORD)
    bearer(first.access).post("/api/auth/logout/")
    [row] = bearer(second.access).get("/api/auth/sessions/").json()["results"]
    assert (row["user_agent"], row["current"]) == ("Laptop", True)
    assert set(row) == {
        "id",
        "kind",
        "user_agent",
        "ip_address",
        "created_at",
        "last_used_at",
        "expires_at",
        "current",
    }


@pytest.mark.parametrize("path", ["/api/auth/sessions/", "/api/users/{}/sessions/"])
def test_the_lists_cost_the_same_for_one_session_and_for_three(signed_in: SignedIn, path: str) -> None:
    root = superuser()
    client = signed_in(root)
    numbers = []
    for more in (0, 2):
        for _ in range(more):
            sign_in(email=root.email, password=PASSWORD)
        with CaptureQueriesContext(connection) as queries:
            assert len(client.get(path.format(root.pk)).json()["results"]) == 1 + more
        numbers.append(len(queries))
    assert numbers[0] == numbers[1]


def test_signing_out_ends_this_session_only(ann: User) -> None:
    here, there = (sign_in(email=ann.email, password=PASSWORD) for _ in range(2))
    assert bearer(here.access).post("/api/auth/logout/").status_code == 204
    answer = bearer(here.access).get("/api/me/")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (
        401,
        'Bearer realm="api", error="invalid_token"',
    )
    assert APIClient().post("/api/auth/refresh/", {"refresh": here.refresh}).status_code == 401
    assert bearer(there.access).get("/api/me/").status_code == 200
    assert actions() == ["user.session_ended"]


def test_signing_out_works_with_a_refresh_token_and_twice(ann: User) -> None:
    pair = sign_in(email=ann.email, password=PASSWORD)
    for _ in range(2):
        assert APIClient().post("/api/auth/logout/", {"refresh": pair.refresh}).status_code == 204
    assert bearer(pair.access).get("/api/me/").status_code == 401
    assert actions() == ["user.session_ended"]
    third = sign_in(email=ann.email, password=PASSWORD)
    assert bearer("expired").post("/api/auth/logout/", {"refresh": third.refresh}).status_code == 204
    assert bearer(third.access).get("/api/me/").status_code == 401
    assert bearer("expired").post("/api/auth/logout/").status_code == 401
    wrong = APIClient().post("/api/auth/logout/", {"refresh": "nonsense"})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (401, "invalid_token")
    nothing = APIClient().post("/api/auth/logout/")
    assert (nothing.status_code, nothing.json()["error"]["code"]) == (401, "not_authenticated")


def test_signing_out_of_the_browsable_api_ends_djangos_session(ann: User) -> None:
    client = Client()
    client.force_login(ann)
    assert client.get("/api/me/").status_code == 200
    assert client.post("/api/auth/logout/", content_type="application/json").status_code == 204
    assert client.get("/api/me/").status_code == 401


def test_one_other_session_is_ended(ann: User) -> None:
    here, there = (sign_in(email=ann.email, password=PASSWORD) for _ in range(2))
    other = Session.objects.latest("created_at")
    client = bearer(here.access)
    assert client.delete(f"/api/auth/sessions/{other.pk}/").status_code == 204
    assert bearer(there.access).get("/api/me/").status_code == 401
    assert client.get("/api/me/").status_code == 200
    again = client.delete(f"/api/auth/sessions/{other.pk}/")
    assert (again.status_code, again.json()["error"]["code"]) == (404, "not_found")


def test_nobody_ends_the_session_of_somebody_else(ann: User, signed_in: SignedIn) -> None:
    pair = sign_in(email=ann.email, password=PASSWORD)
    answer = signed_in(UserFactory()).delete(f"/api/auth/sessions/{Session.objects.get(user=ann).pk}/")
    assert answer.status_code == 404
    assert bearer(pair.access).get("/api/me/").status_code == 200


def test_all_others_end_and_this_one_goes_on_with_new_tokens(ann: User) -> None:
    here, there = (sign_in(email=ann.email, password=PASSWORD) for _ in range(2))
    admin = browser(ann)
    answer = bearer(here.access).post("/api/auth/sessions/revoke-all/", {"keep_current": True})
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    tokens = answer.json()["tokens"]
    for old in (here.access, there.access):
        assert bearer(old).get("/api/me/").status_code == 401
    assert APIClient().post("/api/auth/refresh/", {"refresh": there.refresh}).status_code == 401
    assert admin.get("/api/me/").status_code == 401
    assert bearer(tokens["access"]).get("/api/me/").status_code == 200
    assert APIClient().post("/api/auth/refresh/", {"refresh": tokens["refresh"]}).status_code == 200
    assert actions() == ["user.sessions_ended"]


def test_everywhere_ends_this_one_as_well(ann: User) -> None:
    pair = sign_in(email=ann.email, password=PASSWORD)
    answer = bearer(pair.access).post("/api/auth/sessions/revoke-all/")
    assert (answer.status_code, answer.json()) == (200, {"tokens": None})
    assert bearer(pair.access).get("/api/me/").status_code == 401
    assert APIClient().post("/api/auth/refresh/", {"refresh": pair.refresh}).status_code == 401


def test_the_browser_that_ends_all_others_stays_signed_in(ann: User) -> None:
    here, there = Client(), Client()
    here.force_login(ann)
    there.force_login(ann)
    answer = here.post("/api/auth/sessions/revoke-all/", {"keep_current": True}, content_type="application/json")
    assert answer.json() == {"tokens": None}
    assert here.get("/api/me/").status_code == 200
    assert there.get("/api/me/").status_code == 401


def test_staff_see_and_end_the_sessions_of_people(ann: User, signed_in: SignedIn) -> None:
    pair, other = (sign_in(email=ann.email, password=PASSWORD) for _ in range(2))
    staff = signed_in(approver("view_session", "end_session"))
    rows = staff.get(f"/api/users/{ann.pk}/sessions/").json()["results"]
    assert [row["current"] for row in rows] == [False, False]
    newest = rows[0]["id"]
    assert staff.delete(f"/api/users/{ann.pk}/sessions/{newest}/").status_code == 204
    assert bearer(other.access).get("/api/me/").status_code == 401
    assert bearer(pair.access).get("/api/me/").status_code == 200
    assert staff.post(f"/api/users/{ann.pk}/sessions/revoke-all/").status_code == 204
    assert bearer(pair.access).get("/api/me/").status_code == 401
    assert AuditEvent.objects.filter(actor_kind="administrator", target_id=str(ann.pk)).count() == 2


def test_staff_do_not_end_the_sessions_of_a_superuser(signed_in: SignedIn) -> None:
    root = superuser()
    pair = sign_in(email=root.email, password=PASSWORD)
    staff = signed_in(approver("view_session", "end_session"))
    for answer in (
        staff.post(f"/api/users/{root.pk}/sessions/revoke-all/"),
        staff.delete(f"/api/users/{root.pk}/sessions/{Session.objects.get(user=root).pk}/"),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "protected_account")
    assert bearer(pair.access).get("/api/me/").status_code == 200


def test_the_admin_ends_sessions_on_a_persons_page_and_in_the_list(ann: User) -> None:
    sign_in(email=ann.email, password=PASSWORD)
    sign_in(email=ann.email, password=PASSWORD)
    sign_in(email=ann.email, password=PASSWORD)
    page = f"/admin/keystone/user/{ann.pk}/sessions/"
    viewer = browser(approver("view_user", "view_session", email="viewer@example.com"))
    assert "End all sessions" not in viewer.get(page).content.decode()
    assert viewer.post(page, {"end": "all"}).status_code == 403
    staff = browser(approver("view_user", "view_session", "end_session"))
    assert "End all sessions" in staff.get(page).content.decode()
    first, second, _third = Session.objects.order_by("created_at")
    assert told(staff.post(page, {"end": str(first.pk)})) == ["The session has been revoked."]
    assert told(staff.post(page, {"end": str(first.pk)}))[-1] == "There is no such open session."
    fields: dict[str, Any] = {"action": "end_selected", "_selected_action": [str(first.pk), str(second.pk)]}
    messages = told(staff.post("/admin/keystone/session/", fields))
    assert messages[-2:] == ["1 session was revoked.", "There is no such open session. (1)"]
    assert told(staff.post(page, {"end": "all"}))[-1] == "All sessions have been revoked, including those of the admin."
    assert not Session.objects.live().exists()
    assert "End all sessions" not in staff.get(page).content.decode()
