"""Each list of events, mails and sessions reads an index on a large table, and no more rows than its page needs."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from keystone.accounts.models import User
from keystone.audit.models import AuditEvent
from keystone.testing.factories import superuser
from tests.plans import analyze, read_from

pytestmark = pytest.mark.django_db
ROWS = 20_000
PAGE = 101  # rows, with one that tells whether there are more
EVENTS = """
INSERT INTO keystone_auditevent (created_at, actor_id, actor_kind, actor_label, action, target_type, target_id,
    target_label, reason, note, changes, request_id)
SELECT now() - n * interval '1 minute', CASE WHEN n %% 1000 = 7 THEN %(root)s::uuid END,
    CASE WHEN n %% 1000 = 3 THEN 'cli' ELSE 'system' END, 'x', CASE WHEN n %% 1000 = 5 THEN 'user.erased'
    ELSE 'user.registered' END, 'user', 'target' || n %% 5000, 'x', '', '', '{}', lpad(n::text, 32, '0')
FROM generate_series(1, %(rows)s) AS n
"""
MAILS = """
INSERT INTO keystone_outgoingmail (created_at, updated_at, template, recipient, user_id, language, context, state,
    attempts, last_error, message_id, provider_id, request_id, sent_at)
SELECT now() - n * interval '1 minute', now(), CASE WHEN n %% 1000 = 3 THEN 'approved' ELSE 'verify_email' END,
    'person' || n || '@example.com', CASE WHEN n %% 1000 = 7 THEN %(root)s::uuid END, '', '{}',
    CASE WHEN n %% 1000 = 5 THEN 'failed' ELSE 'sent' END, 1, '', n::text, '', '', now()
FROM generate_series(1, %(rows)s) AS n
"""
SESSIONS = """
INSERT INTO keystone_session (id, user_id, refresh_digest, created_at, last_used_at, expires_at, user_agent)
SELECT gen_random_uuid(), %(root)s, '', now(), now() - n * interval '1 minute', now() + interval '1 day', ''
FROM generate_series(1, %(rows)s) AS n
"""


@pytest.fixture
def root() -> User:
    return superuser()


def fill(table: str, statement: str, root: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"root": root.pk, "rows": ROWS})
    analyze(table)


def test_lists_of_events_read_an_index(root: User, client: Client, signed_in: Callable[..., Any]) -> None:
    fill("keystone_auditevent", EVENTS, root)
    api = signed_in(root)
    client.force_login(root)
    since = (timezone.now() - timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    queries = {
        "": "audit_created",
        "ordering=created_at": "audit_created",
        f"created_before={since}": "audit_created",
        "action=user.erased": "audit_action",
        f"actor={root.pk}": "audit_actor",
        "actor_kind=cli": "audit_actor_kind",
        "target_id=target17": "audit_target",
        f"request_id={'17'.zfill(32)}": "audit_request",
    }
    for query, index in queries.items():
        read = read_from("keystone_auditevent", lambda: api.get(f"/api/audit/?page_size=100&{query}"))  # noqa: B023 - called in this round
        assert (read[0], read[1] <= PAGE) == ({index}, True), query
    for query, index in {"": "audit_created", "?action=user.erased": "audit_action"}.items():
        page = f"/admin/keystone/auditevent/{query}"
        read = read_from("keystone_auditevent", lambda: client.get(page))  # noqa: B023 - likewise
        assert (read[0], read[1] <= PAGE) == ({index}, True), query
    assert AuditEvent.objects.count() > ROWS


def test_lists_of_mails_read_an_index(root: User, client: Client) -> None:
    fill("keystone_outgoingmail", MAILS, root)
    client.force_login(root)
    queries = {"": "mail_created", "?state=failed": "mail_state", "?mail=approved": "mail_template"}
    for query, index in queries.items():
        page = f"/admin/keystone/outgoingmail/{query}"
        read = read_from("keystone_outgoingmail", lambda: client.get(page))  # noqa: B023 - called in this round
        assert (read[0], read[1] <= PAGE) == ({index}, True), query


def test_the_list_of_sessions_reads_an_index(root: User, client: Client) -> None:
    fill("keystone_session", SESSIONS, root)
    client.force_login(root)
    indexes, most = read_from("keystone_session", lambda: client.get("/admin/keystone/session/"))
    assert "session_last_used" in indexes
    assert "Seq Scan" not in indexes
    assert most <= PAGE
