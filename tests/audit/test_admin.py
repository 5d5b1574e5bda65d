"""The audit log in the admin: read, found, exported; never changed."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from keystone.audit.models import AuditEvent
from keystone.testing.factories import UserFactory, superuser
from keystone.text.spreadsheet import safe_cell

pytestmark = pytest.mark.django_db

LOG = "/admin/keystone/auditevent/"


@pytest.fixture
def client() -> Client:
    """A superuser's browser."""
    client = Client()
    client.force_login(superuser(email="root@example.com"))
    return client


def happened(action: str = "user.changed", **fields: Any) -> AuditEvent:
    """An event."""
    defaults = {
        "actor_kind": "system", "actor_label": "keystone", "target_type": "user", "target_id": "x",
        "target_label": "x@example.com",
    }  # fmt: skip
    return AuditEvent.objects.create(action=action, **{**defaults, **fields})


def shown(response: Any) -> list[int]:
    """The keys of the events in a list."""
    return [event.pk for event in response.context["cl"].result_list]


def test_log_is_filtered_by_action_actor_and_day(client: Client) -> None:
    first = happened("user.approved", actor_kind="administrator")
    second = happened("user.rejected")
    assert shown(client.get(LOG)) == [second.pk, first.pk]
    assert shown(client.get(f"{LOG}?action=user.approved")) == [first.pk]
    assert shown(client.get(f"{LOG}?actor_kind=system")) == [second.pk]
    day = first.created_at.date().isoformat() if hasattr(first.created_at, "date") else "2000-01-01"
    assert len(shown(client.get(f"{LOG}?created_at_from={day}"))) == 2
    assert shown(client.get(f"{LOG}?created_at_to=2001-01-01")) == []


def test_log_is_searched_by_actor_target_and_request(client: Client) -> None:
    ann = UserFactory(email="ann@acme.io")
    by = happened(actor_id=ann.pk, actor_kind="administrator", actor_label="ann@acme.io")
    about = happened(target_id=str(ann.pk), target_label="ann@acme.io", request_id="abcdef0123456789")
    happened()
    assert shown(client.get(f"{LOG}?q=ann")) == [about.pk, by.pk]
    assert shown(client.get(f"{LOG}?q=ann@acme")) == [about.pk, by.pk]
    assert shown(client.get(f"{LOG}?q=abcdef0123456789")) == [about.pk]
    assert shown(client.get(f"{LOG}?q=nobody")) == []


def test_event_shows_its_changes_as_before_and_after(client: Client) -> None:
    event = happened(
        changes={"status": ["pending_admin_approval", "active"], "is_staff": [False, True], "odd": "<x>"},
        reason="Why <b>",
    )
    page = client.get(f"{LOG}{event.pk}/change/").content.decode()
    assert "Why &lt;b&gt;" in page
    assert '<th scope="row">Status</th><td class="k-text">Awaiting decision</td><td class="k-text">Active</td>' in page
    assert '<th scope="row">Staff</th><td class="k-text">no</td><td class="k-text">yes</td>' in page
    assert "&lt;x&gt;" in page


def test_log_cannot_be_changed(client: Client) -> None:
    event = happened()
    assert client.get(f"{LOG}add/").status_code == 403
    assert client.post(f"{LOG}{event.pk}/change/", {"action": "user.approved"}).status_code == 403
    assert client.post(f"{LOG}{event.pk}/delete/", {"post": "yes"}).status_code == 403
    assert AuditEvent.objects.get().action == "user.changed"


def test_log_costs_the_same_at_one_and_three_rows(client: Client) -> None:
    user = UserFactory()
    happened(actor_id=user.pk)
    with CaptureQueriesContext(connection) as one:
        client.get(LOG)
    happened(actor_id=user.pk)
    happened("user.approved", target_id=str(user.pk))
    with CaptureQueriesContext(connection) as three:
        client.get(LOG)
    assert len(three) == len(one)
    assert len(one) <= 9


def test_export_follows_the_filters_escapes_and_is_noted(client: Client) -> None:
    happened("user.approved", reason="=cmd()", changes={"a": ["b", "ü"]})
    happened("user.rejected")
    assert client.get(f"{LOG}export/").status_code == 302
    response = client.post(f"{LOG}export/?action=user.approved")
    text = b"".join(response.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]  # a stream
    assert text.count("\r\n") == 2
    assert ",'=cmd()," in text
    assert '"{""a"": [""b"", ""ü""]}"' in text
    event = AuditEvent.objects.latest("pk")
    assert (event.action, event.changes) == ("audit.exported", {"filters": [None, "action=user.approved"]})


def test_export_needs_its_own_permission() -> None:
    reader = UserFactory(is_staff=True)
    reader.user_permissions.set(Permission.objects.filter(codename="view_auditevent"))
    client = Client()
    client.force_login(reader)
    page = client.get(LOG)
    assert page.status_code == 200
    assert "Export CSV" not in page.content.decode()
    assert client.post(f"{LOG}export/").status_code == 403


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_cell_that_looks_like_a_formula_is_escaped(start: str) -> None:
    assert safe_cell(f"{start}1") == f"'{start}1"


def test_cell_of_anything_else_is_kept() -> None:
    assert [safe_cell(value) for value in (None, "a=b", 3, True)] == ["", "a=b", "3", "True"]
