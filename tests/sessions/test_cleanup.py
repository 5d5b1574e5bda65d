"""What the jobs forget of sign-ins, and that no answer changes by it."""

from datetime import timedelta
from importlib import import_module

import pytest
from django.conf import settings as django_settings
from django.contrib.sessions.models import Session as BrowserSession
from django.test import Client
from django.utils import timezone

from keystone.audit.models import AuditEvent
from keystone.sessions.cleanup import KEPT, delete_ended_sessions, delete_expired_browser_sessions
from keystone.sessions.models import Session
from keystone.sessions.rotation import RACE, refresh
from keystone.sessions.tokens import TokenRefused
from keystone.sign_in.with_tokens import sign_in
from keystone.testing.factories import PASSWORD, UserFactory, superuser

pytestmark = pytest.mark.django_db


def test_a_session_stays_a_week_after_its_end() -> None:
    user = UserFactory()
    now = timezone.now()
    ends = [now - KEPT, now - KEPT + timedelta(hours=1), now + timedelta(days=1)]
    kept = [Session.objects.create(user=user, refresh_digest="x", expires_at=end) for end in ends]
    revoked = Session.objects.create(
        user=user, refresh_digest="x", expires_at=ends[2], revoked_at=now - timedelta(days=20)
    )
    assert [delete_ended_sessions(), delete_ended_sessions()] == [1, 0]
    assert set(Session.objects.all()) == {*kept[1:], revoked}


def test_a_stolen_token_is_known_until_the_session_ends() -> None:
    user = UserFactory()
    first = sign_in(email=user.email, password=PASSWORD)
    refresh(first.refresh)
    session = Session.objects.get()
    long_ago = timezone.now().timestamp() - RACE.total_seconds() - 1
    Session.objects.update(spent=dict.fromkeys(session.spent, long_ago))
    delete_ended_sessions()
    with pytest.raises(TokenRefused):
        refresh(first.refresh)
    assert AuditEvent.objects.filter(action="user.session_stolen").count() == 1
    delete_ended_sessions()
    with pytest.raises(TokenRefused):
        refresh(first.refresh)


def test_browser_sessions_go_when_they_have_expired(client: Client) -> None:
    client.force_login(superuser())
    store = import_module(django_settings.SESSION_ENGINE).SessionStore()
    store["x"] = 1
    store.save()
    assert delete_expired_browser_sessions() == 0
    BrowserSession.objects.exclude(
        session_key=import_module(django_settings.SESSION_ENGINE).stored_key(store.session_key)
    ).update(expire_date=timezone.now())
    assert [delete_expired_browser_sessions(), delete_expired_browser_sessions()] == [1, 0]
    assert store.exists(store.session_key)
    assert client.get("/admin/").status_code == 302
