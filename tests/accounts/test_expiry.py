"""Access that ends and suspensions that do: by the job, and at once for whoever comes before it."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.mail import EmailMessage
from django.db import connection
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from keystone.accounts import expiry, tokens
from keystone.accounts.backends import EmailBackend
from keystone.accounts.expiry import BatchResult, apply_expiry, end_access_of_all, lift_all_suspensions
from keystone.accounts.lifecycle import reactivate_user
from keystone.accounts.models import User
from keystone.accounts.password_reset import reset_password
from keystone.accounts.status import Status
from keystone.accounts.tokens import InvalidToken, Purpose
from keystone.actors.actor import Actor, ActorKind
from keystone.audit.models import AuditEvent
from keystone.sessions.models import Session
from keystone.sessions.rotation import refresh
from keystone.sessions.tokens import TokenRefused
from keystone.sign_in.with_tokens import Deactivated, sign_in
from keystone.testing.factories import PASSWORD, UserFactory, superuser
from tests.approval.admin_pages import browser
from tests.contract.roles import SignedIn

pytestmark = pytest.mark.django_db
Do = Callable[..., Any]
JOB = Actor.job("the_job")


def ago(**time: float) -> datetime:
    return timezone.now() - timedelta(**time)


def ended(**fields: Any) -> User:
    return UserFactory(access_ends_at=ago(days=400), **fields)


def end_of(user: User, moment: datetime | None) -> None:
    User.objects.filter(pk=user.pk).update(access_ends_at=moment)


def status_of(user: User) -> str:
    fresh: User = User.objects.get(pk=user.pk)
    return fresh.status


@contextmanager
def somebody_cannot_be_moved(user: User) -> Iterator[None]:
    """What a trigger of another app might do."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION refuse_one() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN IF NEW.id = '{user.pk}' THEN RAISE 'not this one'; END IF; RETURN NEW; END $$;"
            "CREATE TRIGGER refuse_one BEFORE UPDATE ON keystone_user FOR EACH ROW EXECUTE FUNCTION refuse_one()"
        )
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER refuse_one ON keystone_user; DROP FUNCTION refuse_one()")


# -- By the job ----------------------------------------------------------------------------------------------------
def test_everybody_whose_access_has_ended_is_deactivated_and_told(do: Do, mailoutbox: list[EmailMessage]) -> None:
    first, second = ended(), ended(status=Status.SUSPENDED, suspended_until=ago(days=1))
    others = [
        UserFactory(access_ends_at=ago(days=-1)),
        UserFactory(),
        ended(status=Status.REJECTED),
        ended(status=Status.PENDING_ADMIN_APPROVAL),
    ]
    before = [user.status for user in others]
    assert do(end_access_of_all, by=JOB) == BatchResult(changed=2)
    assert [status_of(user) for user in (first, second)] == [Status.DEACTIVATED] * 2
    assert [status_of(user) for user in others] == before
    event = AuditEvent.objects.get(target_id=str(first.pk))
    assert (event.action, event.actor_kind, event.actor_label) == ("user.deactivated", ActorKind.JOB, "the_job")
    assert (event.reason, event.changes["access_ends_at"][1]) == ("Your access has expired.", None)
    assert sorted(mail.to for mail in mailoutbox) == sorted([[first.email], [second.email]])
    assert "Your access has expired." in mailoutbox[0].body
    assert do(end_access_of_all, by=JOB) == BatchResult()


def test_who_is_let_in_again_stays(do: Do) -> None:
    user = ended()
    do(end_access_of_all, by=JOB)
    user.refresh_from_db()
    assert user.access_ends_at is None
    do(reactivate_user, user, by=Actor.system())
    assert do(end_access_of_all, by=JOB) == BatchResult()
    assert status_of(user) == Status.ACTIVE


def test_an_end_that_has_passed_is_gone_when_an_administrator_lets_somebody_in(root: User) -> None:
    user = ended(status=Status.SUSPENDED)
    reactivate_user(user, by=Actor.administrator(root))
    assert user.access_ends_at is None
    assert (User.objects.get(pk=user.pk).access_ends_at, apply_expiry(user).status) == (None, Status.ACTIVE)
    to_come = UserFactory(status=Status.SUSPENDED, access_ends_at=ago(days=-3))
    reactivate_user(to_come, by=Actor.administrator(root))
    assert User.objects.get(pk=to_come.pk).access_ends_at is not None


def test_the_last_superuser_stays_and_holds_nobody_up() -> None:
    last = superuser(access_ends_at=ago(days=1))
    other = ended()
    assert end_access_of_all(by=JOB) == BatchResult(changed=1, refused=1)
    assert [status_of(last), status_of(other)] == [Status.ACTIVE, Status.DEACTIVATED]
    superuser()
    assert end_access_of_all(by=JOB) == BatchResult(changed=1)


def test_one_who_cannot_be_moved_holds_nobody_up(caplog: pytest.LogCaptureFixture) -> None:
    people = [ended() for _ in range(3)]
    with somebody_cannot_be_moved(people[1]), caplog.at_level(logging.ERROR):
        assert end_access_of_all(by=JOB) == BatchResult(changed=2, failed=1)
    assert [status_of(user) for user in people] == [Status.DEACTIVATED, Status.ACTIVE, Status.DEACTIVATED]
    assert str(people[1].pk) in caplog.text


def test_many_are_moved_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiry, "PEOPLE_AT_A_TIME", 2)
    for _ in range(5):
        ended()
    assert end_access_of_all(by=JOB) == BatchResult(changed=5)


def test_suspensions_that_have_ended_are_lifted_and_told(do: Do, mailoutbox: list[EmailMessage]) -> None:
    over = UserFactory(status=Status.SUSPENDED, suspended_until=ago(minutes=1))
    others = [
        UserFactory(status=Status.SUSPENDED, suspended_until=ago(minutes=-1)),
        UserFactory(status=Status.SUSPENDED),
        ended(status=Status.SUSPENDED, suspended_until=ago(minutes=1)),  # access has ended, too
    ]
    assert do(lift_all_suspensions, by=JOB) == BatchResult(changed=1)
    assert status_of(over) == Status.ACTIVE
    assert {status_of(user) for user in others} == {Status.SUSPENDED}
    assert [mail.to for mail in mailoutbox] == [[over.email]]
    event = AuditEvent.objects.get()
    assert (event.action, event.actor_label, event.changes["suspended_until"][1]) == (
        "user.reactivated",
        "the_job",
        None,
    )
    assert do(lift_all_suspensions, by=JOB) == BatchResult()


# -- At once -------------------------------------------------------------------------------------------------------
def test_who_signs_in_after_the_end_is_refused_as_deactivated() -> None:
    user = ended()
    with pytest.raises(Deactivated):
        sign_in(email=user.email, password=PASSWORD)
    assert status_of(user) == Status.DEACTIVATED
    assert AuditEvent.objects.get().actor_kind == ActorKind.SYSTEM


def test_the_next_request_of_an_open_session_is_refused(signed_in: SignedIn) -> None:
    user = UserFactory()
    api = signed_in(user)
    end_of(user, ago(days=-1))
    assert api.get("/api/me/").status_code == 200
    end_of(user, ago(seconds=1))
    assert api.get("/api/me/").json()["error"]["code"] == "invalid_token"
    assert status_of(user) == Status.DEACTIVATED
    assert Session.objects.get().revoked_at is not None


def test_a_session_is_not_renewed_after_the_end() -> None:
    user = UserFactory()
    pair = sign_in(email=user.email, password=PASSWORD)
    end_of(user, ago(seconds=1))
    with pytest.raises(TokenRefused):
        refresh(pair.refresh)
    assert status_of(user) == Status.DEACTIVATED


def test_a_browser_is_signed_out_at_the_end(client: Client) -> None:
    user = superuser()
    superuser()
    client = browser(user)
    assert client.get("/admin/").status_code == 200
    end_of(user, ago(seconds=1))
    assert client.get("/admin/")["Location"] == "/admin/login/?next=/admin/"
    assert status_of(user) == Status.DEACTIVATED


def test_a_link_does_not_outlive_the_access() -> None:
    user = UserFactory()
    token = tokens.mint(purpose=Purpose.RESET_PASSWORD, user=user, email=user.email, lifetime=timedelta(hours=1))
    end_of(user, ago(seconds=1))
    with pytest.raises(InvalidToken):
        reset_password(token, new_password="another long password")
    fresh = User.objects.get(pk=user.pk)
    assert (fresh.status, fresh.password) == (Status.DEACTIVATED, user.password)


def test_the_last_superuser_goes_on_working(api: APIClient) -> None:
    user = superuser(access_ends_at=ago(seconds=1))
    assert browser(user).get("/admin/").status_code == 200
    pair = sign_in(email=user.email, password=PASSWORD)
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {refresh(pair.refresh).access}")
    assert api.get("/api/me/").status_code == 200


def test_a_suspension_that_has_ended_is_lifted_at_the_sign_in_and_not_mailed(
    do: Do, mailoutbox: list[EmailMessage]
) -> None:
    user = UserFactory(status=Status.SUSPENDED, suspended_until=ago(seconds=1))
    do(sign_in, email=user.email, password=PASSWORD)
    assert (status_of(user), mailoutbox) == (Status.ACTIVE, [])


def test_sessions_find_nobody_where_there_is_nobody() -> None:
    backend = EmailBackend()
    assert backend.get_user(UserFactory.build().pk) is None
    assert backend.get_user(UserFactory(status=Status.SUSPENDED).pk) is None


@pytest.mark.django_db(transaction=True)
def test_the_asynchronous_form_asks_the_same() -> None:
    user, gone = UserFactory(), ended()
    backend = EmailBackend()
    assert async_to_sync(backend.aget_user)(user.pk) == user
    assert async_to_sync(backend.aget_user)(gone.pk) is None
