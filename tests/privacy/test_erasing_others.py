"""Erasing somebody takes nothing away from others, whatever addresses they have had or asked for."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.db import connection
from django.utils import timezone

from keystone.accounts.email_change import confirm_email_change, request_email_change, revert_email_change
from keystone.accounts.lifecycle import suspend_user
from keystone.accounts.models import User
from keystone.accounts.password_reset import request_password_reset
from keystone.accounts.tokens import Purpose
from keystone.actors.actor import Actor
from keystone.audit.log import event, record
from keystone.audit.models import AuditEvent
from keystone.background.models import TaskOutcome
from keystone.mail.models import MailState, OutgoingMail, SuppressedAddress
from keystone.mail.suppression import suppress, suppressed
from keystone.privacy.erasing import erase_person
from keystone.testing.factories import PASSWORD, UserFactory
from keystone.throttling.models import AttemptWindow
from tests.accounts.mailed_links import token_for, token_in

pytestmark = pytest.mark.django_db
Do = Callable[..., Any]
OLD, NEW = "vera@example.com", "vera@new.example"


@pytest.fixture
def mallory() -> User:
    user: User = UserFactory(email="mallory@example.com")
    return user


@pytest.fixture
def vera(do: Do, mailoutbox: list[EmailMessage]) -> User:
    """Somebody whose address was OLD and is NEW, about whom something is held under both."""
    user: User = UserFactory(email=OLD)
    record([event("user.changed", user, by=Actor.person(user), changes={"first_name": ["Vera", "Vee"]})])
    do(request_email_change, user, email=NEW, current_password=PASSWORD)
    do(confirm_email_change, token_in(mailoutbox[-1], "confirm-email"))
    AttemptWindow.objects.all().delete()
    user.refresh_from_db()
    return user


def held_of(user: User) -> list[list[tuple[Any, ...]]]:
    events = AuditEvent.objects.filter(target_id=str(user.pk)).order_by("pk")
    return [
        list(events.values_list("action", "target_label", "actor_label", "changes")),
        list(OutgoingMail.objects.filter(user=user).order_by("pk").values_list("recipient", "state", "context")),
        list(SuppressedAddress.objects.order_by("pk").values_list("address", "reason")),
        list(AttemptWindow.objects.filter(address=user.email).values_list("address", "count")),
    ]


@pytest.mark.parametrize("address", [OLD, NEW])
def test_asking_for_an_address_gives_no_power_over_its_owner(
    address: str, vera: User, mallory: User, do: Do, queue: None
) -> None:
    AttemptWindow.objects.create(limit="address", address=NEW, count=19, ends_at=timezone.now() + timedelta(minutes=5))
    SuppressedAddress.objects.create(address=NEW, reason="bounced")
    suspend_user(vera, by=Actor.cli(), reason="so")  # whose mail waits
    before = held_of(vera)
    token_for(mallory, Purpose.CONFIRM_EMAIL, email=address)
    do(erase_person, mallory, by=Actor.person(mallory))
    assert held_of(vera) == before
    assert OutgoingMail.objects.queued().filter(user=vera).exists()


def test_an_erasure_lifts_no_suppression_and_keeps_no_address(mallory: User, do: Do) -> None:
    free = "free@example.com"
    suppress(free, reason=f"Its reader complained: <{free}>")
    token_for(mallory, Purpose.CONFIRM_EMAIL, email=free)
    do(erase_person, mallory, by=Actor.person(mallory))
    assert suppressed([free, "other@example.com"]) == {free}
    kept = SuppressedAddress.objects.get()
    assert free not in f"{kept.address} {kept.reason}"
    assert kept.address.endswith("@erased.invalid")


def test_an_address_that_is_anothers_by_now_stays_theirs(vera: User, do: Do) -> None:
    User.objects.filter(pk=vera.pk).update(created_at=timezone.now() - timedelta(days=30))
    vera.tokens.filter(purpose=Purpose.REVERT_EMAIL).delete()  # it has expired
    heir = UserFactory(email=OLD)
    record([event("user.changed", heir, by=Actor.person(heir), changes={"email": [None, OLD]})])
    OutgoingMail.objects.create(template="trial", recipient=OLD, user=heir, message_id="<heir@example.com>")
    before = held_of(heir)
    do(erase_person, vera, by=Actor.cli())
    assert held_of(heir) == before
    pseudonym = f"{vera.pk.hex}@erased.invalid"
    assert set(OutgoingMail.objects.filter(user=vera).values_list("recipient", flat=True)) == {pseudonym}
    of_vera = AuditEvent.objects.filter(target_id=str(vera.pk))
    assert OLD not in repr(list(of_vera.values()))


def test_a_queued_mail_that_takes_a_theft_back_is_still_sent(
    vera: User, mallory: User, do: Do, queue: None, mailoutbox: list[EmailMessage]
) -> None:
    waiting = OutgoingMail.objects.filter(user=vera, template="email_changed")
    assert waiting.update(state=MailState.QUEUED) == 1
    token_for(mallory, Purpose.CONFIRM_EMAIL, email=OLD)
    do(erase_person, mallory, by=Actor.person(mallory))
    assert waiting.get().state == MailState.QUEUED
    [told] = [mail for mail in mailoutbox if mail.to == [OLD] and "revert-email" in str(mail.body)]
    do(revert_email_change, token_in(told, "revert-email"))
    vera.refresh_from_db()
    assert vera.email == OLD


def test_the_texts_of_others_lose_the_address_of_somebody_erased(vera: User, mallory: User) -> None:
    told = event("user.suspended", vera, by=Actor.cli(), reason=f"said {mallory.email}", note=f"<{mallory.email}>")
    record([told])
    erase_person(mallory, by=Actor.cli())
    kept = AuditEvent.objects.get(action="user.suspended")
    pseudonym = f"{mallory.pk.hex}@erased.invalid"
    assert (kept.target_label, kept.reason, kept.note) == (NEW, f"said {pseudonym}", f"<{pseudonym}>")


def test_the_label_of_an_account_that_has_gone_is_replaced(mallory: User) -> None:
    squatter = UserFactory(email="before@example.com")
    record([event("user.gave_way", squatter, by=Actor.cli())])
    squatter.delete()
    token_for(mallory, Purpose.VERIFY_EMAIL, email="before@example.com")
    record([event("user.gave_way", mallory, by=Actor.cli())])
    erase_person(mallory, by=Actor.cli())
    labels = AuditEvent.objects.filter(action="user.gave_way").values_list("target_label", flat=True)
    assert set(labels) == {f"{mallory.pk.hex}@erased.invalid"}


def test_an_event_about_another_kind_of_user_is_no_obstacle(mallory: User) -> None:
    told = event("user.made", mallory, by=Actor.cli(), note=mallory.email)
    told.target_id = "7"
    record([told])
    erase_person(mallory, by=Actor.cli())
    assert mallory.email not in repr(list(AuditEvent.objects.values()))


def test_a_pseudonym_that_somebody_registered_is_theirs(mallory: User) -> None:
    taken = UserFactory(email=f"{mallory.pk.hex}@erased.invalid")
    erased = erase_person(mallory, by=Actor.cli())
    assert erased.email.endswith("@erased.invalid")
    assert erased.email != taken.email


def test_tasks_that_were_given_the_address_are_forgotten(vera: User, mallory: User, do: Do, queue: None) -> None:
    for user in (vera, mallory):
        do(request_password_reset, email=user.email.upper())
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, args #>> '{kwargs,email}' FROM procrastinate_jobs")
        jobs = {address.lower(): key for key, address in cursor.fetchall() if address}
        TaskOutcome.objects.bulk_create(TaskOutcome(job_id=key, errors=[]) for key in jobs.values())
        do(erase_person, mallory, by=Actor.cli())
        cursor.execute("SELECT lower(args #>> '{kwargs,email}') FROM procrastinate_jobs")
        assert [address for (address,) in cursor.fetchall() if address] == [NEW]
    assert jobs.keys() == {NEW, mallory.email}
    assert list(TaskOutcome.objects.values_list("job_id", flat=True)) == [jobs[NEW]]
