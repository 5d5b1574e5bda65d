"""Erasing a person: afterwards nothing in the database tells who they were, and what happened is still there."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.core.mail import EmailMessage
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from keystone.accounts import signals
from keystone.accounts.authority import ErasedAccount, OwnAccount
from keystone.accounts.editing import change_names
from keystone.accounts.email_change import confirm_email_change, request_email_change
from keystone.accounts.lifecycle import approve_user, reactivate_user, suspend_user
from keystone.accounts.models import User
from keystone.accounts.preferences import choose_notices
from keystone.accounts.registration import register_user
from keystone.accounts.status import Status
from keystone.accounts.verification import verify_email
from keystone.actors.actor import Actor
from keystone.audit.log import event, record
from keystone.audit.models import AuditEvent
from keystone.mail.models import MailState, OutgoingMail, SuppressedAddress
from keystone.mail.tasks import note_event
from keystone.observability.origin import origin
from keystone.privacy.erasing import RolesFirst, erase_person
from keystone.sign_in.with_tokens import sign_in
from keystone.testing.factories import PASSWORD, UserFactory
from keystone.throttling.models import AttemptWindow
from keystone.two_factor.encryption import encrypt
from keystone.two_factor.models import Authenticator
from tests.accounts.mailed_links import token_in
from tests.every_row import rows

pytestmark = pytest.mark.django_db
Do = Callable[..., Any]
FIRST, SECOND = "Zaphod.Beeblebrox@example.com", "zaphod@galaxy.example"
TRACES = ("zaphod", "beeblebrox", "198.51.100.77", "heart of gold", "improbability")


def traces() -> list[str]:
    return [row for row in rows() if any(trace in row.lower() for trace in TRACES)]


@pytest.fixture
def zaphod(do: Do, root: User, mailoutbox: list[EmailMessage]) -> User:
    """Somebody who left a trace wherever the core keeps one."""
    with origin(ip_address="198.51.100.77", request_id="a" * 32):
        do(register_user, email=FIRST, password=PASSWORD, first_name="Zaphod", last_name="Beeblebrox")
        do(verify_email, token_in(mailoutbox[-1], "verify-email"))
        user: User = User.objects.with_email(FIRST).get()
        with origin(ip_address="192.0.2.1"):  # the administrator's own
            do(approve_user, user, by=Actor.administrator(root), reason="Infinite improbability", note=f"of {FIRST}")
        do(sign_in, email=FIRST, password=PASSWORD, user_agent="Heart of Gold")
        do(request_email_change, user, email=SECOND, current_password=PASSWORD)
        [asked] = [mail for mail in mailoutbox if mail.to == [SECOND]]
        do(confirm_email_change, token_in(asked, "confirm-email"))
    user.refresh_from_db()
    change_names(user, by=Actor.person(user), first_name="Zaphod II")
    choose_notices(user, approval_notices="digest", by=Actor.person(user))
    user.groups.add(Group.objects.create(name="Crew"))
    now = timezone.now()
    Authenticator.objects.create(user=user, confirmed=True, confirmed_at=now, sealed_secret=encrypt(b"x" * 20))
    AttemptWindow.objects.filter(address="").delete()  # those of an IP address are nobody's, and soon forgotten
    AttemptWindow.objects.create(limit="address", address=SECOND, count=3, ends_at=now + timedelta(minutes=5))
    SuppressedAddress.objects.create(address=FIRST.lower(), reason="bounced")
    filters = {"filters": [None, f"q={SECOND}"]}
    record([event("users.exported", root, by=Actor.administrator(root), changes=filters)])
    LogEntry.objects.create(user=root, action_flag=2, object_repr=f"Profile of {FIRST}", change_message="")
    do(suspend_user, user, by=Actor.administrator(root), reason="Stole the Heart of Gold", note="ask Zaphod")
    return user


def happened() -> list[tuple[Any, ...]]:
    """What the audit log says was done, when, by whom and to whom."""
    return list(AuditEvent.objects.order_by("pk").values_list("action", "created_at", "actor_id", "target_id"))


def test_nothing_tells_who_it_was_and_what_happened_stays(zaphod: User, root: User, do: Do) -> None:
    assert len(traces()) > 15  # the search finds what is there
    before = happened()
    do(erase_person, zaphod, by=Actor.administrator(root))
    assert traces() == []
    after = happened()
    assert after[:-1] == before
    assert (after[-1][0], after[-1][2:]) == ("user.erased", (root.pk, str(zaphod.pk)))
    erased = User.objects.get(pk=zaphod.pk)
    pseudonym = f"{zaphod.pk.hex}@erased.invalid"
    assert (erased.email, erased.get_full_name(), erased.status) == (pseudonym, pseudonym, Status.DEACTIVATED)
    assert erased.erased_at is not None
    assert not erased.has_usable_password()
    about = AuditEvent.objects.filter(target_type="user", target_id=str(zaphod.pk))
    assert set(about.values_list("target_label", "reason", "note")) == {(pseudonym, "", "")}
    assert about.get(action="user.suspended").changes["status"] == ["active", "suspended"]
    assert about.get(action="user.changed").changes == {"first_name": ["…", "…"]}
    exported = AuditEvent.objects.get(action="users.exported")
    assert exported.changes == {"filters": [None, f"q={pseudonym}"]}
    assert exported.target_label == root.email


def test_others_are_left_as_they_are(zaphod: User, root: User, do: Do) -> None:
    namesake = UserFactory(email="not.zaphod@galaxy.example", first_name="Other")
    longer = UserFactory(email=f"{SECOND}.org")
    for other in (namesake, longer):
        record([event("user.changed", other, by=Actor.person(other), changes={"email": [None, other.email]})])
    do(erase_person, zaphod, by=Actor.cli())
    for other in (namesake, longer):
        fresh = User.objects.get(pk=other.pk)
        assert (fresh.email, fresh.status) == (other.email, Status.ACTIVE)
        kept = AuditEvent.objects.get(action="user.changed", target_id=str(other.pk))
        assert (kept.target_label, kept.actor_label) == (other.email, other.email)
        assert kept.changes == {"email": [None, other.email]}


def test_a_mail_that_waits_is_not_sent(zaphod: User, do: Do, queue: None, mailoutbox: list[EmailMessage]) -> None:
    reactivate_user(zaphod, by=Actor.cli())
    note_event.enqueue(kind="bounced", provider_id="p1", recipient=FIRST, cause="bounced", said=f"no {FIRST} here")
    waiting = OutgoingMail.objects.queued().get()
    del mailoutbox[:]
    do(erase_person, zaphod, by=Actor.cli())
    waiting.refresh_from_db()
    assert (waiting.state, waiting.context) == (MailState.OBSOLETE, {})
    assert traces() == []


def test_the_address_can_be_registered_again(zaphod: User, do: Do) -> None:
    do(erase_person, zaphod, by=Actor.cli())
    do(register_user, email=SECOND, password=PASSWORD, first_name="Again")
    again = User.objects.with_email(SECOND).get()
    assert again.pk != zaphod.pk
    assert again.first_name == "Again"


@pytest.mark.parametrize("status", list(Status))
def test_somebody_in_any_status_can_be_erased(status: Status) -> None:
    user = UserFactory(status=status)
    assert erase_person(user, by=Actor.cli()).status == Status.DEACTIVATED


@pytest.mark.parametrize("roles", [{"is_staff": True}, {"is_staff": True, "is_superuser": True}], ids=["staff", "root"])
def test_staff_are_not_erased(roles: dict[str, bool], root: User) -> None:
    user = UserFactory(**roles)
    with pytest.raises(RolesFirst):
        erase_person(user, by=Actor.administrator(root))
    assert User.objects.get(pk=user.pk).erased_at is None
    assert not AuditEvent.objects.exists()


def test_an_administrator_does_not_erase_themselves(anna: User) -> None:
    with pytest.raises(OwnAccount):
        erase_person(anna, by=Actor.administrator(anna))


def test_nothing_is_done_to_somebody_who_was_erased(root: User) -> None:
    user = erase_person(UserFactory(), by=Actor.administrator(root))
    acts: list[Callable[[], object]] = [
        lambda: erase_person(user, by=Actor.cli()),
        lambda: reactivate_user(user, by=Actor.cli()),
        lambda: change_names(user, by=Actor.administrator(root), first_name="Zaphod"),
    ]
    for act in acts:
        with pytest.raises(ErasedAccount):
            act()


def test_the_database_keeps_an_erased_account_nobody(root: User) -> None:
    user = erase_person(UserFactory(), by=Actor.cli())
    for change in ({"first_name": "Zaphod"}, {"is_staff": True}, {"status": Status.ACTIVE}):
        with pytest.raises(IntegrityError, match="user_erased_is_nobody"), transaction.atomic():
            User.objects.filter(pk=user.pk).update(**change)


def test_listeners_are_told(do: Do) -> None:
    told: list[tuple[User, str]] = []

    def listen(user: User, by: Actor, **_: Any) -> None:
        told.append((user, by.label))

    signals.user_erased.connect(listen)
    try:
        user = UserFactory()
        do(erase_person, user, by=Actor.person(user))
    finally:
        signals.user_erased.disconnect(listen)
    assert told == [(user, f"{user.pk.hex}@erased.invalid")]


# -- The audit log stays what it is ------------------------------------------------------------------------------
def test_the_log_is_closed_again_afterwards() -> None:
    erase_person(UserFactory(), by=Actor.cli())
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        AuditEvent.objects.update(note="changed")


@pytest.mark.parametrize(
    "change",
    [{"action": "user.approved"}, {"target_id": "1"}, {"created_at": timezone.now()}],
    ids=["action", "target", "time"],
)
def test_an_erasure_cannot_change_what_happened(change: dict[str, Any]) -> None:
    erase_person(UserFactory(), by=Actor.cli())
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL keystone.erasing = 'on'")
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        AuditEvent.objects.update(**change)
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        AuditEvent.objects.all().delete()
