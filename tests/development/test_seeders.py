"""Groups and people that are made up: in every status, by the verb functions, unnoticed, and on no server."""

import sys
from collections import Counter
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.core.mail import EmailMessage
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from keystone import email_address
from keystone.accounts.models import User
from keystone.accounts.status import Status
from keystone.actors.actor import Actor, ActorKind
from keystone.audit.models import AuditEvent
from keystone.conf import options
from keystone.data.registry import seeders
from keystone.data.seeding import NotOnServers, run_seeder
from keystone.development.environment import NotLocal
from keystone.development.made_up import FakerMissing, faker
from keystone.development.seeders import DOMAINS, make_groups, make_people
from keystone.mail.models import OutgoingMail
from keystone.testing.factories import UserFactory
from tests.measures import Measured

pytestmark = pytest.mark.django_db


def run(name: str, count: int) -> int:
    return run_seeder(name, count=count, by=Actor.cli()).rows_written


def test_people_come_after_groups() -> None:
    names = list(seeders())
    assert names.index("groups") < names.index("people")


def test_groups_have_names_of_their_own_and_are_audited() -> None:
    assert [run("groups", 4), run("groups", 3)] == [4, 3]
    groups = Group.objects.all()
    assert len({group.name for group in groups}) == 7
    events = AuditEvent.objects.filter(action="group.created", actor_kind=ActorKind.CLI)
    assert {event.target_id for event in events} == {str(group.pk) for group in groups}


def test_there_can_be_more_groups_than_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keystone.development.seeders.KINDS", ("Team",))
    monkeypatch.setattr("faker.proxy.Faker.city", lambda _self: "Ely", raising=False)
    assert make_groups(count=3) == 3
    assert all(name.startswith("Ely Team") for name in Group.objects.values_list("name", flat=True))


def test_people_are_in_every_status_and_some_in_groups() -> None:
    make_groups(count=3)
    assert run("people", 20) == 20
    statuses = Counter(User.objects.values_list("status", flat=True))
    assert statuses == {
        Status.ACTIVE: 6,
        Status.PENDING_ADMIN_APPROVAL: 4,
        Status.PENDING_EMAIL_VERIFICATION: 2,
        Status.REJECTED: 2,
        Status.SUSPENDED: 4,
        Status.DEACTIVATED: 2,
    }
    people = User.objects.all()
    grouped = people.filter(groups__isnull=False).distinct()
    assert 0 < grouped.count() < 6
    assert not people.filter(is_staff=True).exists()
    assert {person.email.rpartition("@")[2] for person in people} <= set(DOMAINS)
    assert all(email_address.normalize(person.email) == person.email for person in people)
    assert all(person.first_name and person.last_name for person in people)
    assert not any(person.has_usable_password() for person in people)


def test_six_people_are_enough_for_every_status() -> None:
    make_people(count=6)
    assert set(User.objects.values_list("status", flat=True)) == set(Status.values)


def test_people_have_a_past_in_the_audit_log() -> None:
    now = timezone.now()
    make_groups(count=1)
    make_people(count=10)
    for user in User.objects.all():
        assert now - timedelta(days=61) < user.created_at < now
        events = list(AuditEvent.objects.filter(target_id=str(user.pk)).order_by("id"))
        times = [event.created_at for event in events]
        assert times == sorted(times)
        assert (events[0].action, times[0]) == ("user.registered", user.created_at)
        transitions = [event.changes["status"][1] for event in events if "status" in event.changes]
        assert transitions[-1] == user.status


def test_people_are_unique_however_often_they_are_made() -> None:
    UserFactory.create_batch(2)
    assert [run("people", 7), run("people", 7)] == [7, 7]
    assert User.objects.count() == 16


def test_nobody_is_mailed_or_told(
    mailoutbox: list[EmailMessage], django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        run("people", 10)
    assert (OutgoingMail.objects.count(), mailoutbox) == (0, [])


def test_the_flow_of_the_settings_is_not_asked_and_stays(settings: Settings) -> None:
    settings.KEYSTONE = {**settings.KEYSTONE, "DEFAULT_USER_APPROVAL_FLOW": "none"}
    options.cache_clear()
    make_people(count=6)
    assert set(User.objects.values_list("status", flat=True)) == set(Status.values)
    assert options().default_user_approval_flow == "none"
    options.cache_clear()


@pytest.mark.parametrize("environment", ["staging", "production"])
@pytest.mark.parametrize("name", ["groups", "people"])
def test_nothing_is_made_on_a_server(settings: Settings, environment: str, name: str) -> None:
    settings.ENVIRONMENT = environment
    with pytest.raises(NotOnServers):
        run(name, 1)
    with pytest.raises(NotLocal):
        seeders()[name].function(count=1)
    assert not User.objects.exists()
    assert not Group.objects.exists()


def test_without_faker_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faker", None)
    for name in ("groups", "people"):
        with pytest.raises(FakerMissing, match=r"Sample data needs Faker.*uv sync"):
            run(name, 1)
    with pytest.raises(FakerMissing):
        faker()


def test_a_hundred_people_take_seconds(measured: Measured) -> None:
    started = timezone.now()
    make_people(count=100)
    took = (timezone.now() - started).total_seconds()
    measured(f"100 people were made up in {took:.1f} s")
    assert User.objects.count() == 100
