from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from keystone.accounts.models import User
from keystone.audit.models import AuditEvent
from keystone.observability.origin import origin
from keystone.sessions.models import Session
from keystone.sessions.rotation import RACE, TokenJustUsed, refresh
from keystone.sessions.token_pair import TokenPair
from keystone.sessions.tokens import AccessToken, RefreshToken, TokenRefused, decode, encode
from keystone.sign_in.with_tokens import sign_in
from keystone.testing.factories import PASSWORD, UserFactory
from keystone.throttling.limits import TooManyAttempts

pytestmark = pytest.mark.django_db
Committed = Callable[..., AbstractContextManager[list[Callable[[], Any]]]]


@pytest.fixture
def pair() -> TokenPair:
    user = UserFactory(email="ann@example.com")
    return sign_in(email=user.email, password=PASSWORD, user_agent="Firefox on Linux")


def let_time_pass(seconds: float) -> None:
    """Let every token that was traded have been traded earlier."""
    session = Session.objects.get()
    session.spent = {digest: at - seconds for digest, at in session.spent.items()}
    session.save()


def refused(token: str) -> None:
    with pytest.raises(TokenRefused):
        refresh(token)


def test_a_client_that_races_itself_is_refused_and_stays_signed_in(pair: TokenPair) -> None:
    second = refresh(pair.refresh)
    third = refresh(second.refresh)
    let_time_pass(RACE.total_seconds() - 2)
    for token in (pair.refresh, second.refresh, pair.refresh):
        with pytest.raises(TokenJustUsed):
            refresh(token)
        answer = APIClient().post("/api/auth/refresh/", {"refresh": token})
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "token_just_used")
        assert "WWW-Authenticate" not in answer.headers
    assert Session.objects.live().count() == 1
    assert refresh(third.refresh).refresh


def test_a_token_that_comes_back_later_ends_the_session_and_the_person_is_told(
    pair: TokenPair, django_capture_on_commit_callbacks: Committed, mailoutbox: list[EmailMessage]
) -> None:
    second = refresh(pair.refresh)
    let_time_pass(RACE.total_seconds() + 1)
    with django_capture_on_commit_callbacks(execute=True), origin(ip_address="203.0.113.9"):
        refused(pair.refresh)
        refused(pair.refresh)  # the second time there is nothing left to end, and nobody is told again
    session = Session.objects.get()
    assert session.revoked_at is not None
    refused(second.refresh)
    event = AuditEvent.objects.get(action="user.session_stolen")
    assert (event.actor_kind, event.target_id, event.ip_address) == ("system", str(session.user_id), "203.0.113.9")
    assert event.changes == {"device": ["Firefox on Linux", None], "session": [str(session.pk), None]}
    [mail] = mailoutbox
    assert mail.to == ["ann@example.com"]
    assert "Firefox on Linux" in " ".join(str(mail.body).split())


def test_a_race_in_a_session_that_has_ended_is_told_no_more_than_any_refusal(pair: TokenPair) -> None:
    refresh(pair.refresh)
    user = Session.objects.get().user
    User.objects.update(access_version=user.access_version + 1)  # as a change of the password does
    ended = APIClient().post("/api/auth/refresh/", {"refresh": pair.refresh})
    assert (ended.status_code, ended.json()["error"]["code"]) == (401, "invalid_token")
    User.objects.update(access_version=user.access_version)
    Session.objects.update(revoked_at=timezone.now())
    ended = APIClient().post("/api/auth/refresh/", {"refresh": pair.refresh})
    assert (ended.status_code, ended.json()["error"]["code"]) == (401, "invalid_token")
    assert not AuditEvent.objects.filter(action="user.session_stolen").exists()


def test_other_sessions_go_on_when_one_is_stolen(pair: TokenPair) -> None:
    other = sign_in(email="ann@example.com", password=PASSWORD)
    session = Session.objects.earliest("created_at")
    refresh(pair.refresh)
    Session.objects.filter(pk=session.pk).update(spent={})
    refused(pair.refresh)
    assert refresh(other.refresh).refresh


def test_only_what_was_traded_within_the_race_is_kept(pair: TokenPair) -> None:
    for _ in range(3):
        pair = refresh(pair.refresh)
    assert len(Session.objects.get().spent) == 3
    let_time_pass(60)
    refresh(pair.refresh)
    assert len(Session.objects.get().spent) == 1


def test_no_token_and_no_token_id_is_stored(pair: TokenPair) -> None:
    second = refresh(pair.refresh)
    row = str(Session.objects.values().get())
    for token in (pair, second):
        assert token.refresh not in row
        assert token.access not in row


def test_last_used_is_the_last_refresh(pair: TokenPair) -> None:
    Session.objects.update(last_used_at=timezone.now() - timedelta(hours=1))
    refresh(pair.refresh)
    assert timezone.now() - Session.objects.get().last_used_at < timedelta(minutes=1)


def test_tokens_that_nobody_signed_are_counted_and_those_that_we_signed_are_not(
    pair: TokenPair, settings: Settings
) -> None:
    settings.KEYSTONE = {"ATTEMPTS_PER_IP": 2}
    with origin(ip_address="192.0.2.1"):
        second = refresh(pair.refresh)
        for _ in range(3):
            refused(pair.refresh)
        refused("nonsense")
        refused("nonsense")
        with pytest.raises(TooManyAttempts):
            refresh("nonsense")
        assert refresh(second.refresh).refresh  # a guesser in the same office does not sign the others out


def test_an_expired_token_of_ours_is_refused_and_is_no_guess(pair: TokenPair, settings: Settings) -> None:
    settings.KEYSTONE = {"ATTEMPTS_PER_IP": 1}
    claims = decode(RefreshToken, pair.refresh)
    names: dict[str, Any] = {
        "session_id": claims.session_id,
        "user_id": claims.user_id,
        "version": claims.version,
    }
    past = timezone.now() - timedelta(days=40)
    expired = encode(RefreshToken, **names, token_id="x", now=past, expires_at=past + timedelta(days=30))
    with origin(ip_address="192.0.2.1"):
        for _ in range(3):
            refused(expired)
        assert refresh(pair.refresh).refresh


def test_a_machine_whose_clock_is_behind_takes_tokens_all_the_same(pair: TokenPair) -> None:
    claims = decode(AccessToken, pair.access)
    names: dict[str, Any] = {
        "session_id": claims.session_id,
        "user_id": claims.user_id,
        "version": claims.version,
    }
    ahead = timezone.now() + timedelta(seconds=5)
    token = encode(AccessToken, **names, token_id="x", now=ahead, expires_at=ahead + timedelta(minutes=10))
    assert decode(AccessToken, token).session_id == claims.session_id
