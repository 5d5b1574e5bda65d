"""What people can read about themselves does not tell whether an email address has an account (promise 1)."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from zipfile import ZipFile

import pytest
from django.core.mail import EmailMessage
from django.utils import timezone

from keystone.accounts.email_change import mail_email_change_link, request_email_change
from keystone.accounts.models import User
from keystone.accounts.password_reset import request_password_reset
from keystone.accounts.registration import register_user
from keystone.accounts.status import Status
from keystone.accounts.tokens import OneTimeToken, delete_expired
from keystone.actors.actor import Actor
from keystone.conf import options
from keystone.mail.models import MailState, OutgoingMail
from keystone.mail.suppression import suppress
from keystone.privacy.erasing import erase_person
from keystone.privacy.exporting import export_own_data
from keystone.testing.factories import PASSWORD, UserFactory
from keystone.throttling.mails import count_unasked_mail

pytestmark = pytest.mark.django_db
Do = Callable[..., Any]
TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|\+00:00)")


def seen_by(user: User, asked_for: str = "") -> dict[str, Any]:
    """What the person's export says, without times, their key, and what they asked for themselves."""
    user.refresh_from_db()
    with export_own_data(user, current_password=PASSWORD) as file, ZipFile(file) as archive:
        held = {name: archive.read(name).decode() for name in archive.namelist()}
    for own in filter(None, (str(user.pk), user.email, asked_for)):
        held = {name: text.replace(own, "OWN") for name, text in held.items()}
    return {name: json.loads(TIME.sub("TIME", text)) for name, text in held.items()}


def nothing(_address: str) -> None:
    pass


def refuse_mail(_address: str) -> None:
    OutgoingMail.objects.update(state=MailState.FAILED, last_error="550 no such mailbox", sent_at=None)


def erase_owner(address: str) -> None:
    for owner in User.objects.with_email(address):
        erase_person(owner, by=Actor.cli())


def register_it(address: str) -> None:
    register_user(email=address, password="a good long one")


def let_it_expire(_address: str) -> None:
    OneTimeToken.objects.update(expires_at=timezone.now() - timedelta(days=2))
    delete_expired()


def let_the_reserved_right_expire_first(_address: str) -> None:
    """The row of the token was made when the mail was sent, and expires later."""
    now, lifetime = timezone.now(), options().email_verification_lifetime
    rights = OneTimeToken.objects.filter(expires_at__gt=now)
    for place, right in enumerate(rights.order_by("created_at", "pk")):
        since, until = now - lifetime - timedelta(days=1), now - timedelta(days=1, seconds=1)
        OneTimeToken.objects.filter(pk=right.pk).update(created_at=since, expires_at=until + timedelta(minutes=place))
    delete_expired()


EXPIRING = (let_it_expire, let_the_reserved_right_expire_first)


def test_asking_for_a_taken_address_looks_like_asking_for_a_free_one(do: Do) -> None:
    """Whatever happened to the address before, and whatever happens to it and to the mail later."""
    cases: list[tuple[Status, Callable[[str], Any], Callable[[str], Any]]] = [
        (Status.ACTIVE, nothing, nothing),
        (Status.REJECTED, nothing, nothing),
        (Status.DEACTIVATED, nothing, nothing),
        (Status.ACTIVE, count_unasked_mail, nothing),
        (Status.ACTIVE, request_password_reset, nothing),
        (Status.ACTIVE, lambda address: suppress(address, reason="It bounced."), nothing),
        (Status.ACTIVE, nothing, refuse_mail),
        (Status.ACTIVE, nothing, erase_owner),
        (Status.ACTIVE, nothing, register_it),
        (Status.ACTIVE, nothing, request_password_reset),
        (Status.ACTIVE, nothing, let_it_expire),
        (Status.ACTIVE, nothing, let_the_reserved_right_expire_first),
    ]
    for number, (status, before, after) in enumerate(cases):
        UserFactory(email=f"Dana.Reyes{number}@example.com", status=status)
        seen = []
        for typed in (f"dana.REYES{number}@example.com", f"Nobody.HERE{number}@example.com"):
            person = UserFactory(first_name="Ann", last_name="Bee")
            do(before, typed)
            do(request_email_change, person, email=typed, current_password=PASSWORD)
            do(after, typed)
            seen.append(seen_by(person, typed))
        assert seen[0] == seen[1], cases[number]
        assert [link["email"] for link in seen[0]["links.json"]] == ([] if after in EXPIRING else ["OWN"])
        assert seen[0]["mails.json"] == []


def test_the_owner_of_a_wanted_address_is_told_in_a_mail_of_their_own(do: Do, mailoutbox: list[EmailMessage]) -> None:
    ann, dana = UserFactory(), UserFactory(email="Dana.Reyes@example.com")
    do(request_email_change, ann, email="dana.REYES@example.com", current_password=PASSWORD)
    row = OutgoingMail.objects.get()
    assert (row.user_id, row.template, row.recipient) == (dana.pk, "address_in_use", "Dana.Reyes@example.com")
    assert seen_by(dana)["mails.json"] == [
        {
            "template": "address_in_use",
            "recipient": "OWN",
            "state": "sent",
            "created_at": "TIME",
            "sent_at": "TIME",
            "last_error": "",
        }
    ]
    do(mail_email_change_link, str(OneTimeToken.objects.get().pk))  # the task runs a second time
    assert len(mailoutbox) == 1


def test_an_unproved_address_shows_nothing_of_those_who_had_it_before(do: Do) -> None:
    """With the flow `none` anybody can sign in with an address that is not theirs."""
    OutgoingMail.objects.create(
        template="approved",
        recipient="Dana.Reyes@example.com",
        state=MailState.SENT,
        sent_at=timezone.now(),
        message_id="<1@example.com>",
    )
    count_unasked_mail("dana.reyes@example.com")
    person = UserFactory(email="dana.reyes@example.com", email_verified_at=None)
    seen = seen_by(person)
    assert (seen["mails.json"], [window["limit"] for window in seen["attempts.json"]]) == ([], ["address"])
    User.objects.filter(pk=person.pk).update(email_verified_at=timezone.now())
    seen = seen_by(person)
    assert [mail["template"] for mail in seen["mails.json"]] == ["approved"]
    assert {window["limit"]: window["count"] for window in seen["attempts.json"]} == {"address": 0, "mails": 1}
