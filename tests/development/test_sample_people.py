"""The sample people: in every status, made once, in the past, and never outside the local environment."""

from collections import Counter
from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone
from pytest_django import Settings

from keystone.accounts.models import User
from keystone.accounts.status import Status
from keystone.audit.models import AuditEvent
from keystone.caching.versions import Change
from keystone.development.administrator import EMAIL, PASSWORD, ensure_administrator
from keystone.development.environment import NotLocal
from keystone.development.people import SAMPLES
from keystone.development.sample_people import ensure_sample_people
from keystone.mail.models import OutgoingMail

pytestmark = pytest.mark.django_db


@pytest.fixture
def local(settings: Settings) -> None:
    settings.ENVIRONMENT = "local"


@pytest.mark.usefixtures("local")
def test_sample_people_stand_in_every_status() -> None:
    ensure_administrator()
    assert ensure_sample_people() == len(SAMPLES) + 1
    statuses = Counter(User.objects.values_list("status", flat=True))
    assert set(statuses) == set(Status.values)
    assert statuses[Status.PENDING_ADMIN_APPROVAL] == 12
    assert User.objects.filter(status=Status.SUSPENDED, suspended_until__gt=timezone.now()).count() == 1
    assert User.objects.awaiting_approval().filter(rejection_count=1).count() == 2


@pytest.mark.usefixtures("local")
def test_sample_people_have_a_past() -> None:
    ensure_administrator()
    now = timezone.now()
    ensure_sample_people()
    people = User.objects.filter(is_staff=False)
    assert people.filter(created_at__gt=now).count() == 0
    assert people.earliest("created_at").created_at < now - timedelta(days=29)
    assert people.filter(created_at__date=timezone.now().date()).count() <= 3
    decided = AuditEvent.objects.filter(action__in=["user.approved", "user.rejected"])
    assert len({event.created_at.date() for event in decided}) > 15
    for user in people:
        events = AuditEvent.objects.filter(target_id=str(user.pk)).order_by("id")
        times = [event.created_at for event in events]
        assert times == sorted(times)
        assert times[0] == user.created_at
        assert times[-1] == user.updated_at
        assert events[0].action == "user.registered"


@pytest.mark.usefixtures("local")
def test_sample_people_are_made_once_and_mail_nobody(django_capture_on_commit_callbacks: object) -> None:
    ensure_administrator()
    with django_capture_on_commit_callbacks() as callbacks:  # type: ignore[operator]  # pytest-django's fixture
        ensure_sample_people()
        assert ensure_sample_people() == 0
    assert [call for call in callbacks if not isinstance(call, Change)] == []  # the cache is told, and nobody else
    assert mail.outbox == []
    assert not OutgoingMail.objects.exists()


@pytest.mark.usefixtures("local")
def test_sample_people_stay_away_from_a_database_with_people() -> None:
    User.objects.create_user("somebody@example.org")
    assert ensure_sample_people() == 0
    assert User.objects.count() == 1


@pytest.mark.usefixtures("local")
@pytest.mark.parametrize("flow", ["none", "admin_approval"])
def test_sample_people_are_the_same_whatever_flow_is_set(settings: Settings, flow: str) -> None:
    settings.KEYSTONE = {**settings.KEYSTONE, "DEFAULT_USER_APPROVAL_FLOW": flow}
    ensure_sample_people()
    assert User.objects.awaiting_approval().count() == 12
    assert settings.KEYSTONE["DEFAULT_USER_APPROVAL_FLOW"] == flow


@pytest.mark.usefixtures("local")
def test_administrator_is_made_once_and_stays_as_it_is() -> None:
    assert ensure_administrator() is True
    user = User.objects.get()
    assert (user.email, user.is_superuser, user.status) == (EMAIL, True, Status.ACTIVE)
    assert user.check_password(PASSWORD)
    user.set_password("another password")
    user.save()
    assert ensure_administrator() is False
    assert User.objects.get().check_password("another password")


@pytest.mark.parametrize("environment", ["testing", "staging", "production"])
def test_nothing_is_made_outside_the_local_environment(settings: Settings, environment: str) -> None:
    settings.ENVIRONMENT = environment
    for make in (ensure_administrator, ensure_sample_people):
        with pytest.raises(NotLocal):
            make()
    assert not User.objects.exists()
