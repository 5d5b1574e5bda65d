"""The dashboard: exact figures, a constant number of queries, and only what the viewer may see."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from keystone.accounts.models import User
from keystone.accounts.status import Status
from keystone.approval.admin import figures
from keystone.approval.admin.dashboard import duration
from keystone.approval.admin.figures import days, median_time_to_decision
from keystone.audit.models import AuditEvent
from keystone.testing.factories import UserFactory, approver, superuser

pytestmark = pytest.mark.django_db


def browser(user: User) -> Client:
    """A browser that somebody has signed in with."""
    client = Client()
    client.force_login(user)
    return client


def happened(action: str, days_ago: int) -> None:
    """An event at noon so many UTC days ago."""
    noon = timezone.now().astimezone(UTC).replace(hour=12, minute=0) - timedelta(days=days_ago)
    AuditEvent.objects.create(
        created_at=noon, actor_kind="system", actor_label="keystone", action=action, target_type="user",
        target_id="x", target_label="x",
    )  # fmt: skip


def test_figures_are_exact() -> None:
    root = superuser()
    for status, count in ((Status.PENDING_ADMIN_APPROVAL, 3), (Status.REJECTED, 2), (Status.SUSPENDED, 1)):
        for _number in range(count):
            UserFactory(status=status)
    for action, ago in (
        ("user.registered", 0), ("user.registered", 0), ("user.registered", 29), ("user.registered", 30),
        ("user.approved", 1), ("user.rejected", 5), ("user.suspended", 5),
    ):  # fmt: skip
        happened(action, ago)
    context = browser(root).get("/admin/").context
    assert {status["name"]: status["count"] for status in context["statuses"]} == {
        "pending_email_verification": "0",
        "pending_admin_approval": "3",
        "active": "1",
        "rejected": "2",
        "suspended": "1",
        "deactivated": "0",
    }
    assert context["chart"]["summary"] == "Last 30 days: 3 registered, 1 approved, 1 rejected."
    found = days()
    assert len(found) == 30
    assert (found[-1].registered, found[0].registered, found[-2].approved, found[-6].rejected) == (2, 1, 1, 1)
    assert sum(day.registered + day.approved + day.rejected for day in found) == 5


def test_many_people_are_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    root = superuser()
    UserFactory.create_batch(30)
    UserFactory.create_batch(2, status=Status.PENDING_EMAIL_VERIFICATION)
    monkeypatch.setattr(figures, "COUNTED", 20)
    monkeypatch.setattr(figures, "DIGITS", 0)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE keystone_user")
    assert figures.statuses() == {
        "pending_email_verification": (2, False),
        "pending_admin_approval": (0, False),
        "active": (31, True),
        "rejected": (0, False),
        "suspended": (0, False),
        "deactivated": (0, False),
    }
    tiles = browser(root).get("/admin/").context["statuses"]
    assert [tile["count"] for tile in tiles if tile["name"] in {"active", "pending_email_verification"}] == [
        "2",
        "about 31",
    ]


def test_what_was_never_analyzed_is_at_least_what_was_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    UserFactory.create_batch(3)
    monkeypatch.setattr(figures, "COUNTED", 2)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM pg_statistic WHERE starelid = 'keystone_user'::regclass")
    assert figures.statuses()["active"] == (2, True)


def test_decisions_that_were_undone_are_not_counted() -> None:
    for action in ("user.approved", "user.approved", "user.approval_undone", "user.rejected", "user.rejection_undone"):
        happened(action, 1)
    happened("user.approval_undone", 2)  # undone after midnight: its day has no other
    assert [(day.approved, day.rejected) for day in days()[-3:]] == [(0, 0), (1, 0), (0, 0)]


def test_median_is_that_of_the_last_thirty_days() -> None:
    now = timezone.now()
    for hours, decided in ((1, now), (2, now), (10, now), (500, now - timedelta(days=31))):
        UserFactory(awaiting_since=decided - timedelta(hours=hours), decided_at=decided)
    UserFactory(awaiting_since=None, decided_at=now)  # decided on before they had verified
    assert median_time_to_decision() == timedelta(hours=2)
    assert browser(superuser()).get("/admin/").context["median"] == "2 hours"


def test_median_of_nothing_is_none() -> None:
    assert median_time_to_decision() is None
    assert browser(superuser()).get("/admin/").context["median"] is None


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (timedelta(seconds=20), "less than a minute"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(hours=3), "3 hours"),
        (timedelta(hours=1, minutes=30), "1 hour 30 minutes"),
        (timedelta(days=2, hours=5, minutes=9), "2 days 5 hours"),
    ],
)
def test_duration_is_told_in_words(value: timedelta, words: str) -> None:
    assert duration(value) == words


def test_oldest_waiting_are_five_and_link_to_their_pages() -> None:
    now = datetime.now(UTC)
    people = [
        UserFactory(status=Status.PENDING_ADMIN_APPROVAL, awaiting_since=now - timedelta(days=age)) for age in range(7)
    ]
    waiting = browser(superuser()).get("/admin/").context["waiting"]
    assert [item["user"].pk for item in waiting] == [user.pk for user in people[:1:-1]]
    assert waiting[0]["link"] == f"/admin/keystone/user/{people[6].pk}/change/"


@pytest.mark.parametrize(
    ("permissions", "parts"),
    [
        (("view_user",), {"statuses", "chart", "median"}),
        (("approve_user",), {"median", "waiting", "queue"}),
        (("view_session",), set()),
    ],
)
def test_only_what_the_viewer_may_see_is_shown(permissions: tuple[str, ...], parts: set[str]) -> None:
    context: Any = browser(approver(*permissions)).get("/admin/").context
    assert {name for name in ("statuses", "chart", "median", "waiting", "queue") if name in context} == parts
    assert context["nothing"] is (parts == set())


def test_dashboard_costs_the_same_with_more_people() -> None:
    client = browser(superuser())
    UserFactory(status=Status.PENDING_ADMIN_APPROVAL)
    happened("user.registered", 1)  # now every figure is of this transaction, and none of them is kept
    with CaptureQueriesContext(connection) as few:
        client.get("/admin/")
    for _number in range(6):
        UserFactory(status=Status.PENDING_ADMIN_APPROVAL)
        happened("user.registered", 1)
    with CaptureQueriesContext(connection) as more:
        client.get("/admin/")
    assert len(more) == len(few)
    assert len(few) <= 10
