"""Notices at once: who is told of whom, once, within the limit, and only while it is true."""

import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.mail import EmailMessage
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from keystone.accounts.lifecycle import approve_user, reopen_user
from keystone.accounts.models import User
from keystone.accounts.preferences import Preferences, choose_notices
from keystone.accounts.registration import register_user
from keystone.accounts.self_deactivation import deactivate_own_account
from keystone.accounts.status import ApprovalFlow, Status
from keystone.accounts.verification import prove_address
from keystone.actors.actor import Actor
from keystone.approval.notices.emails import person_left, person_waits
from keystone.approval.notices.recipients import APPROVE, SUSPEND, who_may
from keystone.approval.notices.telling import queue_notices
from keystone.mail.models import OutgoingMail
from keystone.mail.outgoing import Mail
from keystone.testing.factories import PASSWORD, UserFactory, approver, superuser
from tests.approval.admin_pages import waiting
from tests.at_once import at_once
from tests.mail.sending import rendered
from tests.two_factor.phone import fresh_code, set_up

pytestmark = pytest.mark.django_db
Do = Callable[..., Any]
LIMIT = {"APPROVAL_NOTICES_PER_HOUR": 2}


def permission(name: str) -> Permission:
    return Permission.objects.exclude(content_type__model="awaitingdecision").get(codename=name)


def notice(user: User, person: User) -> Mail | None:
    assert person.awaiting_since is not None
    return person_waits(user, person=str(person.pk), since=person.awaiting_since.isoformat())


def test_who_may_is_active_staff_with_the_permission_by_any_way(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    group = Group.objects.create(name="Approvers")
    group.permissions.add(permission("approve_user"))
    by_group = UserFactory(is_staff=True)
    by_group.groups.add(group)
    both = approver()
    both.groups.add(group)
    everything = superuser()
    suspender = approver("suspend_user", "view_user")
    approver("suspend_user")  # may not look at people, and hears of none
    approver(status=Status.SUSPENDED)
    superuser(status=Status.DEACTIVATED)
    UserFactory(is_staff=True)
    not_staff = UserFactory()
    not_staff.groups.add(group)
    with django_assert_num_queries(1):
        assert set(who_may(APPROVE)) == {by_group, both, everything}
    assert set(who_may(SUSPEND)) == {everything, suspender}
    assert set(who_may(APPROVE, SUSPEND)) == {by_group, both, everything, suspender}


@pytest.mark.parametrize("flow", [ApprovalFlow.ADMIN_APPROVAL, ApprovalFlow.EMAIL_VERIFICATION_AND_ADMIN_APPROVAL])
@pytest.mark.django_db(transaction=True)
def test_approvers_hear_of_a_registration_when_it_waits_for_them(
    flow: ApprovalFlow, settings: Settings, anna: User, mailoutbox: list[EmailMessage]
) -> None:
    settings.KEYSTONE = {"DEFAULT_USER_APPROVAL_FLOW": str(flow)}
    register_user(email="ann@example.com", password=PASSWORD, first_name="Ann", last_name="Bee")
    told = [mail for mail in mailoutbox if mail.to == [anna.email]]
    assert len(told) == (1 if flow is ApprovalFlow.ADMIN_APPROVAL else 0)
    if not told:
        prove_address(User.objects.get(email="ann@example.com"))
    [mail] = [mail for mail in mailoutbox if mail.to == [anna.email]]
    assert mail.subject == "Ann Bee is waiting for your decision"
    assert ("ann@example.com" in mail.body) is (flow is ApprovalFlow.EMAIL_VERIFICATION_AND_ADMIN_APPROVAL)


def test_a_rejection_taken_back_is_told_to_everybody_but_who_took_it_back(
    do: Do, root: User, anna: User, mailoutbox: list[EmailMessage]
) -> None:
    person = UserFactory(status=Status.REJECTED)
    do(reopen_user, person, by=Actor.administrator(anna), notify=False)
    assert [mail.to for mail in mailoutbox] == [[root.email]]


@pytest.mark.parametrize(("chosen", "default", "told"), [("", "immediate", 1), ("", "off", 0), ("immediate", "off", 1)])
def test_the_setting_counts_and_else_its_default(
    chosen: str, default: str, told: int, settings: Settings, anna: User, do: Do, mailoutbox: list[EmailMessage]
) -> None:
    settings.KEYSTONE = {"APPROVAL_NOTICES": default}
    if chosen:
        choose_notices(anna, approval_notices=chosen, by=Actor.person(anna))
    assert do(queue_notices, "person_waits", [waiting().pk]) == told
    assert len(mailoutbox) == told


def test_a_person_and_a_wait_are_told_once(anna: User, do: Do, mailoutbox: list[EmailMessage]) -> None:
    person = waiting()
    assert [do(queue_notices, "person_waits", [person.pk]) for _ in range(2)] == [1, 0]
    User.objects.filter(pk=person.pk).update(awaiting_since=timezone.now())
    assert do(queue_notices, "person_waits", [person.pk]) == 1
    assert len(mailoutbox) == 2


def test_an_hour_brings_no_more_notices_than_the_limit(settings: Settings, anna: User, root: User) -> None:
    settings.KEYSTONE = LIMIT
    people = [waiting() for _ in range(3)]
    assert queue_notices("person_waits", [people[0].pk]) == 2
    assert queue_notices("person_waits", [person.pk for person in people[1:]]) == 2
    assert queue_notices("person_waits", [waiting().pk]) == 0
    counted = OutgoingMail.objects.filter(template="person_waits")
    assert [counted.filter(user=user).count() for user in (anna, root)] == [2, 2]
    counted.update(created_at=timezone.now() - timedelta(hours=1))
    assert queue_notices("person_waits", [waiting().pk]) == 2


@pytest.mark.django_db(transaction=True)
def test_two_at_once_share_the_limit_and_tell_nothing_twice(settings: Settings, anna: User) -> None:
    settings.KEYSTONE = {"APPROVAL_NOTICES_PER_HOUR": 4}
    people = [waiting() for _ in range(6)]
    notify = [partial(queue_notices, "person_waits", [one.pk for one in some]) for some in (people[:4], people[2:])]
    queued = at_once(*notify)
    assert all(isinstance(count, int) for count in queued)
    assert OutgoingMail.objects.filter(template="person_waits", user=anna).count() == 4


@pytest.mark.parametrize("people", [1, 3])
def test_telling_costs_the_same_few_queries_for_each_person(
    people: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(3):
        approver()
    ids = [waiting().pk for _ in range(people)]
    with django_assert_max_num_queries(6 + people * 7):
        assert queue_notices("person_waits", ids) == 3 * people


def test_old_news_and_who_was_decided_on_are_told_to_nobody(anna: User) -> None:
    old = waiting(awaiting_since=timezone.now() - timedelta(days=2))
    assert queue_notices("person_waits", [old.pk, UserFactory().pk]) == 0


def test_a_notice_is_not_sent_about_who_was_decided_on_meanwhile(anna: User) -> None:
    person = waiting()
    assert notice(anna, person) is not None
    approve_user(person, by=Actor.system())
    assert notice(anna, person) is None
    again = waiting()
    since = timezone.now() - timedelta(days=3)
    assert person_waits(anna, person=str(again.pk), since=since.isoformat()) is None  # another wait


@pytest.mark.parametrize("change", ["right", "staff", "active", "setting"])
def test_a_notice_is_not_sent_to_who_may_or_will_not_hear_of_it_any_more(change: str, anna: User) -> None:
    person = waiting()
    match change:
        case "right":
            anna.user_permissions.clear()
        case "staff":
            User.objects.filter(pk=anna.pk).update(is_staff=False)
        case "active":
            User.objects.filter(pk=anna.pk).update(status=Status.DEACTIVATED)
        case "setting":
            Preferences.objects.create(user=anna, approval_notices="digest")
    assert notice(User.objects.get(pk=anna.pk), person) is None


@pytest.mark.parametrize(
    ("name", "subject", "shown"),
    [
        ("Ann", "Ann Bee is waiting for your decision", "Ann Bee (ann@example.com)"),
        ("http://evil.example", "Somebody is waiting for your decision", "Somebody (ann@example.com)"),
        ("x" * 100, "Somebody is waiting for your decision", "Somebody (ann@example.com)"),
        ("Ann\r\nBcc: x", "Somebody is waiting for your decision", "Somebody (ann@example.com)"),
        ("<b>Ann</b>", "Somebody is waiting for your decision", "Somebody (ann@example.com)"),
        ("<b>Ann", "<b>Ann Bee is waiting for your decision", "<b>Ann Bee (ann@example.com)"),
    ],
)
def test_what_a_stranger_typed_is_a_name_or_nothing(name: str, subject: str, shown: str, anna: User) -> None:
    person = waiting(email="ann@example.com", first_name=name, last_name="Bee")
    mail = notice(anna, person)
    message = rendered(mail)
    html = message.html
    assert message.subject == subject
    assert shown in message.text
    assert "<b>Ann" not in html
    assert "evil.example" not in message.text + html


def test_an_address_that_nobody_proved_is_not_shown(anna: User) -> None:
    person = waiting(verified=False, approval_flow=ApprovalFlow.ADMIN_APPROVAL, email="go.to.evil@example.com")
    mail = notice(anna, person)
    message = rendered(mail)
    assert "address not verified" in message.text
    assert "evil" not in message.text + message.html


def test_the_link_is_this_servers_and_opens_the_decision_after_signing_in_with_both_factors(
    settings: Settings, anna: User, client: Client
) -> None:
    settings.KEYSTONE = {"PUBLIC_URL": "https://id.example.com", "FRONTEND_URL": "https://app.example.com"}
    set_up(anna)
    person = waiting(first_name="Grace")
    mail = notice(anna, person)
    [path] = re.findall(
        r"^https://id\.example\.com(/admin/keystone/awaitingdecision/\S+)$", rendered(mail).text, re.MULTILINE
    )
    answer = client.get(path)
    assert answer["Location"] == f"/admin/login/?next={path}"
    answer = client.post(answer["Location"], {"username": anna.email, "password": PASSWORD, "next": path})
    assert answer["Location"].startswith("/admin/login/code/?next=")
    answer = client.post(answer["Location"], {"code": fresh_code(anna), "next": path})
    assert answer["Location"] == path
    answer = client.get(path, follow=True)
    assert answer.redirect_chain == [(f"/admin/keystone/user/{person.pk}/change/", 302)]
    assert f"/admin/keystone/user/{person.pk}/approve/" in answer.content.decode()


def test_the_link_asks_who_may_decide_but_not_look_at_people(client: Client) -> None:
    client.force_login(approver("approve_user"))
    person = waiting()
    answer = client.get(f"/admin/keystone/awaitingdecision/{person.pk}/change/", follow=True)
    assert answer.redirect_chain == [(f"/admin/keystone/awaitingdecision/{person.pk}/approve/", 302)]
    assert answer.status_code == 200


def test_who_closes_their_account_is_told_to_who_may_suspend(
    do: Do, anna: User, root: User, mailoutbox: list[EmailMessage]
) -> None:
    person = UserFactory(first_name="Grace", last_name="Hopper")
    do(deactivate_own_account, person, current_password=PASSWORD)
    [mail] = [mail for mail in mailoutbox if mail.to == [root.email]]
    assert mail.subject == "Grace Hopper closed their account"
    assert f"/admin/keystone/user/{person.pk}/change/" in mail.body
    assert not [mail for mail in mailoutbox if mail.to == [anna.email]]
    person.refresh_from_db()
    since = person.status_changed_at.isoformat()
    assert person_left(anna, person=str(person.pk), since=since) is None
    assert person_left(approver("suspend_user"), person=str(person.pk), since=since) is None
    User.objects.filter(pk=person.pk).update(status=Status.ACTIVE)
    assert person_left(root, person=str(person.pk), since=since) is None
