"""What is held about a person, as a file."""

import json
from typing import Any
from zipfile import ZipFile

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from keystone.accounts.authority import ErasedAccount, ProtectedAccount
from keystone.accounts.lifecycle import approve_user
from keystone.accounts.models import User
from keystone.accounts.status import Status
from keystone.actors.actor import Actor
from keystone.audit.log import event, record
from keystone.audit.models import AuditEvent
from keystone.mail.models import OutgoingMail
from keystone.personal_data import PARTS
from keystone.privacy.erasing import erase_person
from keystone.privacy.exporting import export_person
from keystone.sign_in.with_tokens import sign_in
from keystone.testing.factories import PASSWORD, UserFactory, approver, superuser
from keystone.two_factor.encryption import encrypt
from keystone.two_factor.models import Authenticator, RecoveryCode

pytestmark = pytest.mark.django_db


def exported(user: User, *, by: Actor | None = None) -> dict[str, Any]:
    with export_person(user, by=by or Actor.cli()) as file, ZipFile(file) as archive:
        assert archive.testzip() is None
        return {name.removesuffix(".json"): json.loads(archive.read(name)) for name in archive.namelist()}


def test_an_export_has_a_file_for_each_part_and_says_what_it_is() -> None:
    user = UserFactory(email="ann@example.com")
    held = exported(user)
    assert held.keys() == {"about", *PARTS}
    about = held["about"]
    assert (about["product"], about["person"], about["email"]) == ("Keystone", str(user.pk), "ann@example.com")
    assert {part["file"] for part in about["parts"]} == {f"{name}.json" for name in PARTS}
    assert {part["what"]: part["entries"] for part in about["parts"]}["The account"] == 1


def test_an_export_has_what_every_subject_holds(root: User) -> None:
    user = UserFactory(email="ann@example.com", first_name="Ann", status=Status.PENDING_ADMIN_APPROVAL)
    approve_user(user, by=Actor.administrator(root), reason="welcome", note="looked at her site")
    sign_in(email="ann@example.com", password=PASSWORD, user_agent="Firefox")
    user.groups.add(Group.objects.create(name="Crew"))
    Authenticator.objects.create(
        user=user, confirmed=True, confirmed_at=timezone.now(), sealed_secret=encrypt(b"x" * 20)
    )
    RecoveryCode.objects.create(user=user, digest="d" * 64)
    held = exported(user)
    assert held["account"]["first_name"] == "Ann"
    assert held["account"]["groups"] == ["Crew"]
    assert "password" not in held["account"]
    [session] = held["sessions"]
    assert session["user_agent"] == "Firefox"
    assert "refresh_digest" not in session
    assert [factor["recovery_codes_left"] for factor in held["two_factor"]] == [1]
    [decided] = [row for row in held["history"] if row["action"] == "user.approved"]
    assert (decided["reason"], decided["note"], decided["by"]) == ("welcome", "looked at her site", "administrator")


def test_an_export_has_the_mails_to_every_address_that_was_the_persons() -> None:
    user, other = UserFactory(email="ann@example.com"), UserFactory()
    for recipient, of in (("ann@example.com", None), ("old@example.com", user), ("other@example.com", other)):
        OutgoingMail.objects.create(template="trial", recipient=recipient, user=of, message_id=f"<{recipient}>")
    assert [mail["recipient"] for mail in exported(user)["mails"]] == ["ann@example.com", "old@example.com"]


def test_an_export_names_nobody_else(root: User) -> None:
    ann, other = approver(email="ann@example.com"), UserFactory(email="other@example.com", first_name="Other")
    record([event("user.approved", other, by=Actor.administrator(ann), reason="secret of the other", note="too")])
    held = json.dumps(exported(ann, by=Actor.administrator(root)))
    assert "user.approved" in held
    assert not any(word in held for word in ("other@example.com", "secret of the other", str(other.pk), root.email))


def test_an_export_is_noted() -> None:
    user = UserFactory()
    exported(user)
    noted = AuditEvent.objects.get()
    assert (noted.action, noted.target_id, noted.actor_kind) == ("user.data_exported", str(user.pk), "cli")


def test_who_may_not_touch_somebody_may_not_take_their_data() -> None:
    with pytest.raises(ProtectedAccount):
        export_person(superuser(), by=Actor.administrator(approver("export_user")))
    with pytest.raises(ErasedAccount):
        export_person(erase_person(UserFactory(), by=Actor.cli()), by=Actor.cli())
    assert list(AuditEvent.objects.values_list("action", flat=True)) == ["user.erased"]
