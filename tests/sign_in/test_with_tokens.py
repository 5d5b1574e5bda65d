import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest
from django.conf import settings as django_settings
from django.test import RequestFactory
from django.utils import timezone
from pytest_django import Settings
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from keystone.accounts import lifecycle
from keystone.accounts.models import User
from keystone.accounts.status import Status
from keystone.actors.actor import Actor
from keystone.audit.models import AuditEvent
from keystone.observability.origin import origin
from keystone.sessions.authentication import SessionTokenAuthentication
from keystone.sessions.models import Session
from keystone.sessions.rotation import refresh
from keystone.sessions.token_pair import TokenPair
from keystone.sessions.tokens import AccessToken, RefreshToken, TokenExpired, TokenRefused, decode, encode, token_digest
from keystone.sign_in.with_tokens import InvalidCredentials, SignInRefused, sign_in
from keystone.testing.factories import PASSWORD, UserFactory, superuser

pytestmark = pytest.mark.django_db


@pytest.fixture
def pair() -> TokenPair:
    return sign_in(email=UserFactory(email="ann@example.com").email, password=PASSWORD)


def authenticate(token: str, scheme: str = "Bearer") -> tuple[User, Session] | None:
    request = RequestFactory().get("/api/me/", headers={"Authorization": f"{scheme} {token}"})
    return SessionTokenAuthentication().authenticate(Request(request))


def test_sign_in_opens_a_session() -> None:
    user = UserFactory(email="ann@example.com")
    with origin(ip_address="192.0.2.7"):
        pair = sign_in(email="ANN@example.com", password=PASSWORD, user_agent="curl/8" + "x" * 400)
    session = Session.objects.get()
    claims = decode(RefreshToken, pair.refresh)
    assert (claims.session_id, claims.user_id) == (session.pk, user.pk)
    assert session.refresh_digest == token_digest(claims.token_id)
    assert (session.ip_address, len(session.user_agent)) == ("192.0.2.7", 300)
    assert session.expires_at - session.created_at > timedelta(days=29)
    assert authenticate(pair.access) == (user, session)
    user.refresh_from_db()
    assert user.last_login is not None
    assert AuditEvent.objects.get().action == "user.signed_in"


@pytest.mark.parametrize(("email", "password"), [("ann@example.com", "wrong"), ("bob@example.com", PASSWORD)])
def test_wrong_credentials_are_one_refusal(email: str, password: str) -> None:
    UserFactory(email="ann@example.com")
    with pytest.raises(InvalidCredentials) as caught:
        sign_in(email=email, password=password)
    assert (caught.value.code, caught.value.status) == ("invalid_credentials", 401)
    assert not Session.objects.exists()


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (Status.PENDING_EMAIL_VERIFICATION, "email_unverified"),
        (Status.PENDING_ADMIN_APPROVAL, "approval_pending"),
        (Status.REJECTED, "rejected"),
        (Status.SUSPENDED, "suspended"),
        (Status.DEACTIVATED, "deactivated"),
    ],
)
def test_the_status_is_told_after_the_right_password_only(status: Status, code: str) -> None:
    UserFactory(email="ann@example.com", status=status)
    with pytest.raises(SignInRefused) as caught:
        sign_in(email="ann@example.com", password=PASSWORD)
    assert (caught.value.code, caught.value.status) == (code, 403)
    with pytest.raises(InvalidCredentials):
        sign_in(email="ann@example.com", password="wrong")
    assert not Session.objects.exists()


def test_a_suspension_tells_its_reason_and_end() -> None:
    user = UserFactory()
    lifecycle.suspend_user(user, by=Actor.system(), reason="Unpaid bill", until=timezone.now() + timedelta(days=2))
    with pytest.raises(SignInRefused, match=r"suspended\. The suspension ends on .* UTC\. Reason: Unpaid bill$"):
        sign_in(email=user.email, password=PASSWORD)


def test_a_suspension_that_has_ended_is_lifted_by_the_next_sign_in() -> None:
    user = UserFactory()
    lifecycle.suspend_user(user, by=Actor.system(), reason="x", until=timezone.now() + timedelta(days=2))
    User.objects.filter(pk=user.pk).update(suspended_until=timezone.now())
    sign_in(email=user.email, password=PASSWORD)
    assert User.objects.get(pk=user.pk).status == Status.ACTIVE
    assert list(AuditEvent.objects.order_by("id").values_list("action", flat=True)) == [
        "user.suspended",
        "user.reactivated",
        "user.signed_in",
    ]


def test_a_refresh_token_works_once(pair: TokenPair) -> None:
    second = refresh(pair.refresh)
    with pytest.raises(TokenRefused):
        refresh(pair.refresh)
    third = refresh(second.refresh)
    assert authenticate(third.access) is not None
    assert Session.objects.count() == 1


def test_a_session_ends_at_its_absolute_end(pair: TokenPair) -> None:
    end = Session.objects.get().expires_at
    assert jwt.decode(refresh(pair.refresh).refresh, options={"verify_signature": False})["exp"] == int(end.timestamp())
    Session.objects.update(expires_at=timezone.now())
    with pytest.raises(TokenRefused):
        refresh(pair.refresh)
    with pytest.raises(AuthenticationFailed):
        authenticate(pair.access)


@pytest.mark.parametrize(
    "end",
    [
        lambda user: lifecycle.suspend_user(user, by=Actor.system(), reason="x"),
        lambda user: lifecycle.deactivate_user(user, by=Actor.system()),
        lambda _: Session.objects.update(revoked_at=timezone.now()),
        lambda user: user.delete(),
        lambda user: User.objects.filter(pk=user.pk).update(status=Status.DEACTIVATED),
    ],
)
def test_what_ends_a_session_holds_from_the_next_request(pair: TokenPair, end: Callable[[User], Any]) -> None:
    superuser()
    user = User.objects.get(email="ann@example.com")
    assert authenticate(pair.access) is not None
    end(user)
    with pytest.raises(AuthenticationFailed):
        authenticate(pair.access)
    with pytest.raises(TokenRefused):
        refresh(pair.refresh)


def test_a_lifted_suspension_does_not_bring_old_sessions_back(pair: TokenPair) -> None:
    user = User.objects.get(email="ann@example.com")
    lifecycle.suspend_user(user, by=Actor.system(), reason="x")
    lifecycle.reactivate_user(user, by=Actor.system())
    with pytest.raises(AuthenticationFailed):
        authenticate(pair.access)


def test_authentication_costs_one_query(pair: TokenPair, django_assert_num_queries: Callable[[int], Any]) -> None:
    with django_assert_num_queries(1):
        found = authenticate(pair.access)
        assert found is not None
        assert found[0].email == found[1].user.email == "ann@example.com"


def test_the_two_kinds_of_token_are_not_exchangeable(pair: TokenPair) -> None:
    with pytest.raises(AuthenticationFailed):
        authenticate(pair.refresh)
    with pytest.raises(TokenRefused):
        refresh(pair.access)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é", "..", "eyJhbGciOiJub25lIn0.e30."])
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(TokenRefused):
        decode(AccessToken, token)
    with pytest.raises(AuthenticationFailed):
        authenticate(token.encode().decode("latin-1"))


def test_other_schemes_are_left_to_others(pair: TokenPair) -> None:
    assert authenticate("whatever", scheme="Basic") is None


@pytest.mark.parametrize(
    "change", [{"iss": "other"}, {"aud": "other"}, {"exp": 1}, {"sub": None}, {"sid": "x"}, {"ver": "x"}]
)
def test_every_claim_is_checked(pair: TokenPair, change: dict[str, Any]) -> None:
    header = jwt.get_unverified_header(pair.access)
    claims = jwt.decode(pair.access, options={"verify_signature": False}) | change
    claims = {name: value for name, value in claims.items() if value is not None}
    from keystone.sessions.tokens import _keys

    forged = jwt.encode(claims, _keys()[0], algorithm="HS256", headers=header)
    with pytest.raises(TokenRefused):
        decode(AccessToken, forged)


def test_a_token_that_was_verified_before_expires_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    ids: Any = {"session_id": uuid.uuid4(), "user_id": uuid.uuid4(), "version": 1, "token_id": "x"}
    token = encode(AccessToken, **ids, expires_at=now + timedelta(minutes=1), now=now)
    assert decode(AccessToken, token) == decode(AccessToken, token)
    monkeypatch.setattr("time.time", lambda: now.timestamp() + 61)
    with pytest.raises(TokenExpired):
        decode(AccessToken, token)


def test_keys_rotate_with_overlap(pair: TokenPair, settings: Settings) -> None:
    old = django_settings.SECRET_KEY
    settings.SECRET_KEY = "another secret key that is long enough for the tests"
    with pytest.raises(TokenRefused):
        decode(AccessToken, pair.access)
    settings.SECRET_KEY_FALLBACKS = [old]
    now = timezone.now()
    claims = decode(AccessToken, pair.access)
    fresh = encode(
        AccessToken,
        session_id=claims.session_id,
        user_id=claims.user_id,
        version=claims.version,
        token_id="x",
        expires_at=now + timedelta(minutes=1),
        now=now,
    )
    assert jwt.get_unverified_header(fresh)["kid"] != jwt.get_unverified_header(pair.access)["kid"]
