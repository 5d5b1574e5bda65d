"""Failed tasks and mails on the dashboard and in the sidebar: counted, linked, and only for those who may see them."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from keystone.accounts.models import User
from keystone.approval.admin import failures
from keystone.mail.models import MailState, OutgoingMail
from keystone.testing.factories import approver
from tests.approval.admin_pages import browser
from tests.background.rows import ended, waiting
from tests.mail.rows import outgoing

pytestmark = pytest.mark.django_db


def shown(client: Client) -> dict[str, str]:
    """The figures of the dashboard, by what they are called."""
    return {str(kind["label"]): kind["count"] for kind in client.get("/admin/").context["failures"]}


def badges(client: Client) -> dict[str, str]:
    """The badges of the sidebar."""
    groups = client.get("/admin/").context["sidebar_navigation"]
    items = [item for group in groups for item in group["items"] if "badge_callback" in item]
    return {str(item["title"]): str(item["badge_callback"]) for item in items}


def make_failures() -> list[int]:
    """Two failed tasks and three failed mails, among others that have not failed lately."""
    for _number in range(2):
        ended("failed")
    waiting(), ended("succeeded"), ended("cancelled")
    for state in (*MailState, MailState.FAILED):
        outgoing(state)
    old = outgoing(MailState.FAILED)
    OutgoingMail.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=8))
    failed = OutgoingMail.objects.filter(state__in=("failed", "bounced")).exclude(pk=old.pk)
    return list(failed.order_by("-created_at", "-id").values_list("pk", flat=True))


def test_failures_are_counted_and_their_links_show_exactly_them(root: User) -> None:
    client = browser(root)
    assert shown(client) == {"Failed tasks": "0", "Failed mails, last 7 days": "0"}
    assert badges(client) == {"Awaiting decision": "", "Background tasks": "", "Mails": ""}
    mails = make_failures()
    page = client.get("/admin/")
    tasks_link, mails_link = [kind["link"] for kind in page.context["failures"]]
    assert shown(client) == {"Failed tasks": "2", "Failed mails, last 7 days": "3"}
    assert badges(client) == {
        "Awaiting decision": "",
        "Background tasks": '2<span class="sr-only"> failed</span>',
        "Mails": '3<span class="sr-only"> failed</span>',
    }
    assert '3<span class="sr-only"> failed</span>' in page.content.decode()
    assert {task.status for task in client.get(tasks_link).context["cl"].result_list} == {"failed"}
    assert [mail.pk for mail in client.get(mails_link).context["cl"].result_list] == mails


def test_failures_are_shown_to_those_who_may_see_them() -> None:
    make_failures()
    for permission, figures, marked in (
        ("view_task", {"Failed tasks": "2"}, {"Background tasks"}),
        ("view_outgoingmail", {"Failed mails, last 7 days": "3"}, {"Mails"}),
        ("view_session", {}, set()),
    ):
        client = browser(approver(permission))
        assert (shown(client), set(badges(client))) == (figures, marked)
        assert client.get("/admin/").context["nothing"] is (figures == {})


def test_failures_cost_two_queries_however_many_there_are(root: User) -> None:
    client = browser(root)
    counts = []
    for _round in range(2):
        make_failures()
        with CaptureQueriesContext(connection) as queries:
            client.get("/admin/keystone/user/")
        counts.append(sum("count" in query["sql"].lower() and "failed" in query["sql"] for query in queries))
    assert counts == [2, 2]


def test_a_count_ends_where_it_is_no_longer_shown(root: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "COUNT_LIMIT", 1)
    make_failures()
    client: Any = browser(root)
    assert shown(client) == {"Failed tasks": "1+", "Failed mails, last 7 days": "1+"}
