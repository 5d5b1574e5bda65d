from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from keystone.accounts.authority import LastSuperuser, OwnAccount, ProtectedAccount
from keystone.accounts.editing import SuperuserIsStaff, change_names, change_roles, change_user
from keystone.accounts.models import User
from keystone.accounts.transition_rules import UserNotFound
from keystone.actors.actor import Actor
from keystone.audit.models import AuditEvent
from keystone.sessions.models import Session
from keystone.sign_in.with_tokens import sign_in
from keystone.testing.factories import PASSWORD, UserFactory, approver, superuser

pytestmark = pytest.mark.django_db


def test_change_names_writes_what_differs_and_audits_it() -> None:
    user = UserFactory(first_name="Ann", last_name="Bee")
    change_names(user, by=Actor.person(user), first_name="Anna", last_name="Bee")
    assert User.objects.get(pk=user.pk).first_name == user.first_name == "Anna"
    event = AuditEvent.objects.get()
    assert (event.action, event.changes) == ("user.changed", {"first_name": ["Ann", "Anna"]})
    change_names(user, by=Actor.person(user), first_name="Anna")
    assert AuditEvent.objects.count() == 1


def test_staff_change_names_of_people_but_not_of_staff() -> None:
    by = Actor.administrator(approver("change_user"))
    change_names(UserFactory(), by=by, first_name="New")
    with pytest.raises(ProtectedAccount):
        change_names(superuser(), by=by, first_name="New")
    assert change_names(by.user, by=by, first_name="Myself").first_name == "Myself"


def test_change_roles_gives_and_takes_and_ends_sessions_on_a_loss() -> None:
    by, user = Actor.administrator(superuser()), UserFactory()
    sign_in(email=user.email, password=PASSWORD)
    change_roles(user, by=by, is_staff=True, is_superuser=True)
    assert Session.objects.live().count() == 1
    change_roles(user, by=by, is_superuser=False)
    assert Session.objects.live().count() == 0
    stored = User.objects.get(pk=user.pk)
    assert (stored.is_staff, stored.is_superuser) == (True, False)
    changes = AuditEvent.objects.filter(action="user.roles_changed").values_list("changes", flat=True)
    assert sorted(changes, key=str) == [
        {"is_staff": [False, True], "is_superuser": [False, True]},
        {"is_superuser": [True, False]},
    ]


def test_only_superusers_give_roles() -> None:
    user = UserFactory()
    for by in (Actor.administrator(approver("change_user")), Actor.person(user)):
        with pytest.raises(ProtectedAccount):
            change_roles(user, by=by, is_staff=True)


def test_superusers_do_not_change_their_own_roles() -> None:
    admin = superuser()
    superuser()
    with pytest.raises(OwnAccount):
        change_roles(admin, by=Actor.administrator(admin), is_superuser=False)


def test_the_last_superuser_keeps_the_role() -> None:
    admin = superuser()
    with pytest.raises(LastSuperuser):
        change_roles(admin, by=Actor.cli(), is_superuser=False)


def test_a_superuser_is_staff() -> None:
    with pytest.raises(SuperuserIsStaff):
        change_roles(UserFactory(), by=Actor.cli(), is_superuser=True)


def test_change_user_does_both_or_neither() -> None:
    user = UserFactory(first_name="Ann")
    with pytest.raises(ProtectedAccount):
        change_user(user, by=Actor.administrator(approver("change_user")), first_name="New", is_staff=True)
    assert User.objects.get(pk=user.pk).first_name == "Ann"
    change_user(user, by=Actor.cli(), first_name="New", is_staff=True)
    stored = User.objects.get(pk=user.pk)
    assert (stored.first_name, stored.is_staff) == ("New", True)


def test_a_missing_person_cannot_be_changed() -> None:
    with pytest.raises(UserNotFound):
        change_names(UserFactory.build(), by=Actor.cli(), first_name="New")


def test_roles_are_taken_under_the_lock_of_superusers_before_any_row() -> None:
    by, at = Actor.administrator(superuser()), timezone.now() + timedelta(days=9)
    for user, expected in ((superuser(), True), (UserFactory(is_staff=True), False)):
        with CaptureQueriesContext(connection) as queries:
            change_user(user, by=by, is_staff=False, is_superuser=False, access_ends_at=at)
        texts = [query["sql"] for query in queries]
        superusers = [place for place, text in enumerate(texts) if "pg_advisory_xact_lock" in text]
        [row, *_] = [place for place, text in enumerate(texts) if "FOR NO KEY UPDATE" in text]
        assert bool(superusers) is expected  # a request that waits for the row of anybody else holds up no superuser
        assert all(place < row for place in superusers[:1])
