"""Digests, reminders and the rest of a busy hour."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from keystone.accounts.lifecycle import approve_users, deactivate_user
from keystone.accounts.models import User
from keystone.accounts.preferences import Preferences
from keystone.accounts.status import ApprovalFlow, Status
from keystone.actors.actor import Actor
from keystone.approval.notices.digests import DAY, queue_digests, queue_reminders, queue_rest
from keystone.approval.notices.emails import LISTED, more_people_wait, people_wait, people_wait_long
from keystone.approval.notices.telling import hour_of, queue_notices
from keystone.mail.models import MailState, OutgoingMail
from keystone.testing.factories import UserFactory, approver
from tests.approval.admin_pages import waiting
from tests.mail.sending import rendered

pytestmark = pytest.mark.django_db
Do = Callable[..., Any]


def choose(user: User, setting: str) -> User:
    Preferences.objects.create(user=user, approval_notices=setting)
    return user


@pytest.fixture
def by_digest(anna: User) -> User:
    return choose(anna, "digest")


def since() -> str:
    return (timezone.now() - DAY).isoformat()


def long_waiting(**fields: Any) -> User:
    return waiting(awaiting_since=timezone.now() - timedelta(hours=49), **fields)


def test_the_digest_tells_who_waits_to_who_chose_it_once_a_day(
    do: Do, by_digest: User, root: User, mailoutbox: list[EmailMessage]
) -> None:
    choose(approver(), "off")
    assert do(queue_digests) == 0  # nobody waits
    waiting(first_name="Grace", last_name="Hopper", email="grace@example.com")
    long_waiting(first_name="www.evil.example", last_name="")
    assert [do(queue_digests) for _ in range(2)] == [1, 0]
    [mail] = mailoutbox
    assert (mail.to, mail.subject) == ([by_digest.email], "2 people are waiting for a decision")
    body = " ".join(str(mail.body).split())
    assert "Grace Hopper (grace@example.com)" in body
    assert body.index("* Somebody (") < body.index("* Grace")  # the earliest first
    assert "1 of them has been waiting for more than 48 hours." in body
    assert "evil" not in body
    assert "/admin/keystone/awaitingdecision/" in body


def test_a_digest_of_many_lists_the_first_and_counts_the_others(by_digest: User) -> None:
    for _ in range(LISTED + 2):
        waiting()
    mail = people_wait(by_digest, since=since())
    message = rendered(mail)
    assert message.subject == "22 people are waiting for a decision"
    assert str(message.text).count("* Person") == LISTED
    assert "and 2 more." in message.text
    assert message.html.count("<strong>Person") == LISTED


def test_a_digest_counts_no_further_than_anybody_reads(by_digest: User) -> None:
    person = UserFactory.build(status=Status.PENDING_ADMIN_APPROVAL)
    User.objects.bulk_create(
        User(
            email=f"many{number}@example.com",
            email_normalized=f"many{number}@example.com",
            first_name="Many",
            status=Status.PENDING_ADMIN_APPROVAL,
            approval_flow=ApprovalFlow.ADMIN_APPROVAL,
            status_changed_at=person.status_changed_at,
            awaiting_since=person.awaiting_since,
        )
        for number in range(1_001)
    )
    mail = people_wait(by_digest, since=since())
    message = rendered(mail)
    assert message.subject == "More than 1000 people are waiting for a decision"
    assert "and many more: over a thousand in total." in message.text


def test_a_digest_is_not_sent_where_nobody_waits_by_then_or_it_is_not_wanted(by_digest: User, root: User) -> None:
    person = waiting()
    assert people_wait(by_digest, since=since()) is not None
    assert people_wait(root, since=since()) is None  # hears at once
    approve_users([person.pk], by=Actor.system())
    assert people_wait(by_digest, since=since()) is None
    waiting()
    by_digest.user_permissions.clear()
    assert people_wait(User.objects.get(pk=by_digest.pk), since=since()) is None


def test_the_digest_tells_who_may_suspend_who_has_left(do: Do, root: User, mailoutbox: list[EmailMessage]) -> None:
    choose(root, "digest")
    gone = UserFactory(first_name="Grace", last_name="Hopper")
    deactivate_user(gone, by=Actor.person(gone), notify=False)
    deactivate_user(UserFactory(), by=Actor.administrator(root), notify=False)
    choose(approver(), "digest")  # decides on registrations only
    assert do(queue_digests) == 1
    [mail] = mailoutbox
    assert (mail.to, mail.subject) == ([root.email], "1 person closed their account")
    assert "Grace Hopper" in mail.body


def test_a_digest_of_many_who_left_lists_the_first_and_counts_the_others(root: User) -> None:
    choose(root, "digest")
    people = [UserFactory(first_name="Gone") for _ in range(LISTED + 2)]
    for gone in people:
        deactivate_user(gone, by=Actor.person(gone), notify=False)
    message = rendered(people_wait(root, since=since()))
    assert message.subject == "22 people closed their accounts"
    assert message.text.count("* Gone") == LISTED
    assert message.html.count("<strong>Gone") == LISTED
    assert [part.count("and 2 more.") for part in (message.text, message.html)] == [1, 1]
    waiting()
    message = rendered(people_wait(root, since=since()))
    assert message.subject == "1 person is waiting for a decision"
    assert [part.count("and 2 more.") for part in (message.text, message.html)] == [1, 1]


def test_who_waits_long_is_in_a_daily_reminder_to_who_hears_at_once(
    do: Do, by_digest: User, root: User, mailoutbox: list[EmailMessage]
) -> None:
    choose(approver(), "off")
    waiting()
    assert do(queue_reminders) == 0
    person = long_waiting(first_name="Grace", last_name="Hopper")
    assert [do(queue_reminders) for _ in range(2)] == [1, 0]
    [mail] = mailoutbox
    assert (mail.to, mail.subject) == ([root.email], "1 person has been waiting a long time for a decision")
    assert "Grace Hopper" in mail.body
    assert people_wait_long(by_digest) is None
    approve_users([person.pk], by=Actor.system())
    assert people_wait_long(root) is None


def test_the_reminder_asks_for_the_time_of_the_option(settings: Settings, do: Do, root: User) -> None:
    settings.KEYSTONE = {"APPROVAL_REMINDER_AFTER": timedelta(minutes=30)}
    waiting()  # an hour
    assert do(queue_reminders) == 1


def test_one_mail_after_a_busy_hour_tells_of_the_rest(
    settings: Settings, do: Do, root: User, mailoutbox: list[EmailMessage]
) -> None:
    settings.KEYSTONE = {"APPROVAL_NOTICES_PER_HOUR": 2}
    hour = hour_of(timezone.now()) - timedelta(hours=1)
    people = [waiting(first_name=name, awaiting_since=hour) for name in ("Ann", "Bob", "Cid", "Dan")]
    for person in people:
        queue_notices("person_waits", [person.pk])
    assert do(queue_rest) == 0  # this hour is not over
    OutgoingMail.objects.update(created_at=hour + timedelta(minutes=5), state=MailState.FAILED)
    mailoutbox.clear()
    assert [do(queue_rest) for _ in range(2)] == [1, 0]
    [mail] = mailoutbox
    assert (mail.to, mail.subject) == ([root.email], "2 more people are waiting for a decision")
    assert ["Cid" in mail.body, "Dan" in mail.body, "Ann" in mail.body, "Bob" in mail.body] == [
        True,
        True,
        False,
        False,
    ]
    approve_users([person.pk for person in people], by=Actor.system())
    assert more_people_wait(root, since=hour.isoformat()) is None


def test_an_hour_within_the_limit_has_no_rest(settings: Settings, do: Do, root: User) -> None:
    settings.KEYSTONE = {"APPROVAL_NOTICES_PER_HOUR": 2}
    queue_notices("person_waits", [waiting().pk])
    OutgoingMail.objects.update(created_at=timezone.now() - timedelta(hours=2))
    assert do(queue_rest) == 0
    choose(root, "off")
    assert more_people_wait(root, since=since()) is None


@pytest.mark.parametrize("approvers", [1, 3])
def test_reminders_cost_the_same_for_any_number_of_approvers(
    approvers: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    long_waiting()
    for _ in range(approvers):
        approver()
    with django_assert_max_num_queries(8):
        assert queue_reminders() == approvers


def test_who_waits_since_before_a_busy_hour_is_told_after_it_once(settings: Settings, do: Do, root: User) -> None:
    """As after an outage of the workers, when the notices of many hours are queued in one."""
    settings.KEYSTONE = {"APPROVAL_NOTICES_PER_HOUR": 1}
    hour = hour_of(timezone.now()) - timedelta(hours=1)
    told, other = (waiting(awaiting_since=hour - timedelta(hours=number)) for number in (5, 4))
    queue_notices("person_waits", [told.pk, other.pk])
    OutgoingMail.objects.update(created_at=hour + timedelta(minutes=5))
    mail = more_people_wait(root, since=hour.isoformat())
    assert mail is not None
    assert mail.context["count"] == 1
    assert do(queue_rest) == 1
    assert OutgoingMail.objects.get(template="more_people_wait").state == "sent"
    assert more_people_wait(root, since=(hour + timedelta(hours=1)).isoformat()) is None
