"""The mails that strangers can have sent to an email address."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from keystone.accounts.email_change import confirm_email_change, request_email_change
from keystone.accounts.models import User
from keystone.accounts.password_reset import request_password_reset
from keystone.accounts.registration import register_user
from keystone.accounts.reset_limits import reset_limits_of
from keystone.accounts.tokens import OneTimeToken, Purpose
from keystone.accounts.verification import resend_verification
from keystone.actors.actor import Actor
from keystone.conf import options
from keystone.observability.origin import origin
from keystone.privacy.erasing import erase_person
from keystone.sessions.password_change import change_password
from keystone.testing.factories import PASSWORD, UserFactory
from keystone.throttling.mails import count_unasked_mail
from keystone.throttling.models import AttemptWindow, Limit
from tests.accounts.mailed_links import token_for, wait
from tests.at_once import at_once
from tests.every_row import rows

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
Do = Callable[..., Any]


def test_the_waits_grow_and_a_day_has_a_cap() -> None:
    second, first_day = timedelta(seconds=1), timedelta()
    assert count_unasked_mail("ann@example.com")
    for waited in (MINUTE, 5 * MINUTE, 30 * MINUTE, 120 * MINUTE):
        wait(waited - second)
        assert not count_unasked_mail("ann@example.com")
        wait(second)
        assert count_unasked_mail("ann@example.com")
        first_day += waited
    wait(timedelta(days=1) - first_day - second)
    assert not count_unasked_mail("ann@example.com")
    wait(second)
    assert count_unasked_mail("ann@example.com")


def test_no_24_hours_have_more_than_the_cap() -> None:
    """Somebody asks every half hour for three days."""
    sent = []
    for number in range(144):
        if count_unasked_mail("ann@example.com"):
            sent.append(number)
        wait(30 * MINUTE)
    assert max(len([other for other in sent if number <= other < number + 48]) for number in sent) == 5
    assert len(sent) == 15


def test_all_spellings_of_an_address_share_the_count_and_other_addresses_have_their_own() -> None:
    spellings = ["Ann@bücher.example", " ANN@BÜCHER.example ", "ann@xn--bcher-kva.example"]
    assert [count_unasked_mail(spelling) for spelling in spellings] == [True, False, False]
    assert count_unasked_mail("ann+tag@bücher.example")
    assert AttemptWindow.objects.filter(limit=Limit.MAILS).count() == 2


def test_every_kind_of_mail_counts_from_any_ip_address(do: Do, mailoutbox: list[EmailMessage]) -> None:
    """An hour of everything that a stranger can do, every 20 seconds, each time from another IP address."""
    bob = UserFactory(email="bob@example.com")
    UserFactory(email="ann@example.com", first_name="Ann")
    doings: list[Callable[[str], None]] = [
        lambda email: register_user(email=email, password="a good long one"),
        request_password_reset,
        resend_verification,
        lambda email: request_email_change(bob, email=email, current_password=PASSWORD),
    ]
    for number in range(180):
        with origin(ip_address=f"192.0.2.{number}"):
            do(doings[number % 4], ["ann@example.com", "Ann@Example.com"][number % 2])
        wait(timedelta(seconds=20))
        OneTimeToken.objects.all().delete()  # Bob may ask again after a minute, which has not passed for the database
    assert len(mailoutbox) == 4
    assert {address for mail in mailoutbox for address in mail.to} == {"ann@example.com"}


def test_an_address_without_an_account_is_counted_alike(do: Do, mailoutbox: list[EmailMessage]) -> None:
    """Fifty people want it for their accounts, and then somebody registers it."""
    for person in UserFactory.create_batch(50):
        do(request_email_change, person, email="free@example.com", current_password=PASSWORD)
    do(register_user, email="free@example.com", password="a good long one")
    assert [mail.to for mail in mailoutbox] == [["free@example.com"]]
    assert User.objects.filter(email="free@example.com").exists()  # who asks for the link later gets it
    wait(MINUTE)
    do(resend_verification, "free@example.com")
    assert len(mailoutbox) == 2


def test_the_answers_are_the_same_when_no_mail_is_sent(client: Client, do: Do, mailoutbox: list[EmailMessage]) -> None:
    UserFactory(email="ann@example.com")
    calls = {
        "/api/auth/register/": {"email": "ann@example.com", "password": "a good long one", "first_name": "Ann"},
        "/api/auth/password/reset/": {"email": "ann@example.com"},
        "/api/auth/verify-email/resend/": {"email": "ann@example.com"},
    }
    for url, body in calls.items():
        answers = []
        for _ in range(3):
            response = do(client.post, url, body, content_type="application/json")
            answers.append((response.status_code, response.json(), sorted(response.headers)))
        assert answers[0] == answers[1] == answers[2]
    assert len(mailoutbox) == 1


def test_what_the_owner_does_while_signed_in_is_not_held_back(do: Do, mailoutbox: list[EmailMessage]) -> None:
    ann = UserFactory(email="ann@example.com")
    for _ in range(6):
        do(request_password_reset, "ann@example.com")
    assert len(mailoutbox) == 1
    do(change_password, ann, current_password=PASSWORD, new_password="another long password")
    do(request_email_change, ann, email="Ann@Example.com", current_password="another long password")
    assert [mail.subject for mail in mailoutbox[1:]] == ["Your password was changed", "Confirm your new email address"]
    assert mailoutbox[-1].to == ["Ann@Example.com"]


def test_whoever_registered_a_strangers_address_cannot_have_news_sent_to_it(
    do: Do, mailoutbox: list[EmailMessage]
) -> None:
    """With the flow `none` the account works before anybody has proved the address."""
    mallory = UserFactory(email="victim@example.com", email_verified_at=None)
    passwords = [f"password number {number}" for number in range(8)]
    for before, after in zip([PASSWORD, *passwords], passwords, strict=False):
        do(change_password, mallory, current_password=before, new_password=after)
    do(request_email_change, mallory, email="Victim@Example.com", current_password=passwords[-1])
    assert [mail.subject for mail in mailoutbox] == ["Your password was changed"]


def test_leaving_a_strangers_address_again_and_again_mails_it_once(do: Do, mailoutbox: list[EmailMessage]) -> None:
    """With the flow `none`; the erasure sets the address free each time."""
    for number in range(3):
        mallory = UserFactory(email="victim@example.com", email_verified_at=None)
        token = token_for(mallory, Purpose.CONFIRM_EMAIL, email=f"mallory{number}@example.com")
        do(confirm_email_change, token)
        mallory.refresh_from_db()
        do(erase_person, mallory, by=Actor.person(mallory))
    assert [(mail.to, mail.subject) for mail in mailoutbox] == [
        (["victim@example.com"], "Your email address was changed")
    ]


def test_erasing_an_account_does_not_begin_the_count_anew(do: Do, mailoutbox: list[EmailMessage]) -> None:
    """Nor does it leave the address behind."""
    for _ in range(3):
        mallory = UserFactory()
        do(request_email_change, mallory, email="Free@bücher.example", current_password=PASSWORD)
        do(erase_person, mallory, by=Actor.person(mallory))
        wait(MINUTE)
    assert len(mailoutbox) == 2
    row = AttemptWindow.objects.get(limit=Limit.MAILS)
    assert (row.count, len(row.times), row.refused_at) == (2, 2, None)
    assert [found for found in rows() if "free@" in found.lower()] == []
    wait(4 * MINUTE)
    assert count_unasked_mail("free@xn--bcher-kva.example")
    row = AttemptWindow.objects.get(limit=Limit.MAILS)  # administrators can lift it again
    assert (row.address, row.count) == ("free@xn--bcher-kva.example", 3)


def test_administrators_see_and_lift_it(do: Do, mailoutbox: list[EmailMessage]) -> None:
    ann = UserFactory(email="ann@example.com")
    for _ in range(2):
        do(request_password_reset, "ann@example.com")
    row = AttemptWindow.objects.get(limit=Limit.MAILS)
    assert (row.address, row.count, row.refused_at is not None) == ("ann@example.com", 1, True)
    assert row.ends_at - row.started_at == timedelta(days=1)
    assert str(row.get_limit_display()) == "Mails to an email address that others requested"
    assert reset_limits_of(ann, by=Actor.system()) == 1
    do(request_password_reset, "ann@example.com")
    assert len(mailoutbox) == 2


def test_the_limits_are_options(settings: Settings) -> None:
    settings.KEYSTONE = {"UNASKED_MAILS_PER_DAY": 2, "UNASKED_MAIL_WAITS": (1,)}
    assert [count_unasked_mail("ann@example.com") for _ in range(2)] == [True, False]
    wait(MINUTE)
    assert count_unasked_mail("ann@example.com")
    wait(timedelta(hours=23))
    assert not count_unasked_mail("ann@example.com")
    for wrong in ({"UNASKED_MAILS_PER_DAY": 0}, {"UNASKED_MAIL_WAITS": ()}, {"UNASKED_MAIL_WAITS": (MINUTE,)}):
        settings.KEYSTONE = wrong
        with pytest.raises(ImproperlyConfigured, match=next(iter(wrong))):
            options()


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_is_sent() -> None:
    outcomes = at_once(*[lambda: count_unasked_mail("ann@example.com")] * 20)
    assert sorted(outcomes, key=bool) == [False] * 19 + [True]
    row = AttemptWindow.objects.get()
    assert (row.count, len(row.times)) == (1, 1)
    assert row.times[0] <= timezone.now()
