"""New passwords, by whichever way they come."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher, make_password
from django.core.mail import EmailMessage
from django.core.management import call_command
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from keystone.accounts.backends import person_with_password
from keystone.accounts.models import User
from keystone.accounts.passwords import set_password
from keystone.accounts.self_deactivation import deactivate_own_account
from keystone.actors.acting import AccessEnded
from keystone.actors.actor import Actor
from keystone.audit.models import AuditEvent
from keystone.mail.models import OutgoingMail
from keystone.sessions.models import Session
from keystone.sessions.password_change import change_password
from keystone.sessions.sign_out import end_all_sessions, end_other_sessions
from keystone.sign_in.with_tokens import sign_in
from keystone.testing.factories import PASSWORD, UserFactory, superuser
from keystone.throttling.limits import TooManyAttempts, count_code
from keystone.throttling.models import AttemptWindow

pytestmark = pytest.mark.django_db
NEW = "another long password"
CHANGE = "/admin/password_change/"


@pytest.mark.parametrize(
    "act",
    [
        lambda user: change_password(user, current_password=PASSWORD, new_password=NEW),
        lambda user: set_password(user, password=NEW, by=Actor.person(user)),
        lambda user: end_other_sessions(user, None, by=Actor.person(user)),
        lambda user: deactivate_own_account(user, current_password=PASSWORD),
    ],
)
def test_who_was_signed_out_while_they_acted_does_not_act(act: Callable[[User], Any]) -> None:
    user = UserFactory()
    acting = User.objects.get(pk=user.pk)
    end_all_sessions(user, by=Actor.cli())
    with pytest.raises(AccessEnded):
        act(acting)
    stored = User.objects.get(pk=user.pk)
    assert (stored.is_active, stored.check_password(PASSWORD)) == (True, True)


def test_a_password_that_django_sets_and_saves_ends_access_and_is_told(
    mailoutbox: list[EmailMessage], django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    user = UserFactory()
    sign_in(email=user.email, password=PASSWORD)
    user.set_password(NEW)
    with django_capture_on_commit_callbacks(execute=True):
        user.save()
    assert not Session.objects.live().exists()
    assert User.objects.get(pk=user.pk).access_version == 2
    assert AuditEvent.objects.filter(action="user.password_set", actor_kind="system").count() == 1
    assert [mail.to for mail in mailoutbox] == [[user.email]]
    user.save()
    assert User.objects.get(pk=user.pk).access_version == 2


def test_the_changepassword_command_ends_access(monkeypatch: pytest.MonkeyPatch) -> None:
    user = UserFactory(email="ann@example.com")
    sign_in(email=user.email, password=PASSWORD)
    monkeypatch.setattr("getpass.getpass", lambda *_, **__: NEW)
    call_command("changepassword", "ann@example.com")
    assert not Session.objects.live().exists()
    assert person_with_password("ann@example.com", NEW) == user


def test_the_admins_own_password_page_counts_guesses(settings: Settings) -> None:
    root = superuser(email="root@example.com")
    client = Client()
    client.force_login(root)
    fields = {"old_password": "wrong", "new_password1": NEW, "new_password2": NEW}
    for _ in range(5):
        answer = client.post(CHANGE, fields)
        assert (answer.status_code, "The password is wrong." in answer.content.decode()) == (200, True)
    answer = client.post(CHANGE, fields | {"old_password": PASSWORD})
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 800
    assert AttemptWindow.objects.refusing().count() == 1
    assert User.objects.get(pk=root.pk).check_password(PASSWORD)
    AttemptWindow.objects.all().delete()
    long = client.post(CHANGE, fields | {"old_password": "x" * 257})
    assert (long.status_code, AttemptWindow.objects.exists()) == (200, False)
    same = client.post(CHANGE, {**dict.fromkeys(fields, PASSWORD)})
    assert "This is your current password. Choose another one." in same.content.decode()
    assert client.post(CHANGE, fields | {"old_password": PASSWORD}).status_code == 302
    assert client.get("/admin/").status_code == 200


def test_a_sign_in_at_the_same_time_may_upgrade_the_hash_first(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PASSWORD_HASHERS = ["keystone.passwords.hashers.Argon2idHasher", "keystone.passwords.hashers.OlderHasher"]
    user = UserFactory()
    User.objects.filter(pk=user.pk).update(password=make_password(PASSWORD, hasher="pbkdf2_sha256"))
    verify = PBKDF2PasswordHasher.verify
    once: list[bool] = []

    def upgrade_meanwhile(self: PBKDF2PasswordHasher, password: str, encoded: str) -> bool:
        if not once:
            once.append(True)
            User.objects.filter(pk=user.pk).update(password=make_password(PASSWORD))
        return verify(self, password, encoded)

    monkeypatch.setattr(PBKDF2PasswordHasher, "verify", upgrade_meanwhile)
    found = person_with_password(user.email, PASSWORD)
    assert found is not None
    assert found.password == User.objects.get(pk=user.pk).password


def test_a_new_password_lets_codes_be_tried_again(settings: Settings) -> None:
    settings.KEYSTONE = {"ATTEMPTS_PER_CODE_WINDOW": 1}
    user = UserFactory(email="ann@example.com")
    count_code(address="ann@example.com")
    with pytest.raises(TooManyAttempts):
        count_code(address="ann@example.com")
    set_password(user, password=NEW, by=Actor.cli())
    count_code(address="ann@example.com")


def test_each_password_that_others_code_saves_is_told() -> None:
    user = UserFactory()
    for number in range(2):
        user.set_password(f"another long password {number}")
        user.save(update_fields=["password"])
    mails = OutgoingMail.objects.filter(template="password_changed").order_by("pk")
    assert len({mail.context["at"] for mail in mails}) == 2
