import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import PBKDF2PasswordHasher, make_password
from pytest_django import Settings

from keystone.accounts.backends import person_with_password
from keystone.accounts.models import User
from keystone.accounts.passwords import set_password
from keystone.accounts.status import Status
from keystone.actors.actor import Actor
from keystone.testing.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db
ARGON2ID = ["keystone.passwords.hashers.Argon2idHasher", "django.contrib.auth.hashers.PBKDF2PasswordHasher"]


def test_any_spelling_of_the_address_signs_in() -> None:
    user = UserFactory(email="Ann@Example.com")
    assert authenticate(username=" ANN@example.com", password=PASSWORD) == user
    assert authenticate(email="ann@example.com", password=PASSWORD) == user
    assert authenticate(username="ann@example.com", password="wrong") is None
    assert authenticate(username="nobody@example.com", password=PASSWORD) is None
    assert authenticate(username="", password="") is None


@pytest.mark.parametrize("status", [status for status in Status if status != Status.ACTIVE])
def test_only_an_active_account_signs_in(status: Status) -> None:
    user = UserFactory(status=status)
    assert authenticate(username=user.email, password=PASSWORD) is None
    assert person_with_password(user.email, PASSWORD) == user


def test_an_account_without_a_password_has_none_that_fits() -> None:
    user = UserFactory()
    User.objects.filter(pk=user.pk).update(password=make_password(None))
    assert person_with_password(user.email, "") is None


def test_an_upgrade_never_undoes_a_change_of_password(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PASSWORD_HASHERS = ARGON2ID
    user = UserFactory()
    User.objects.filter(pk=user.pk).update(password=make_password(PASSWORD, hasher="pbkdf2_sha256"))
    verify = PBKDF2PasswordHasher.verify

    def change_meanwhile(self: PBKDF2PasswordHasher, password: str, encoded: str) -> bool:
        set_password(user, password="a new password", by=Actor.cli())
        return verify(self, password, encoded)

    monkeypatch.setattr(PBKDF2PasswordHasher, "verify", change_meanwhile)
    person_with_password(user.email, PASSWORD)
    stored = User.objects.get(pk=user.pk)
    assert (stored.check_password("a new password"), stored.check_password(PASSWORD)) == (True, False)


def test_older_hashes_are_upgraded_to_argon2id(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ARGON2ID
    user = UserFactory()
    User.objects.filter(pk=user.pk).update(password=make_password(PASSWORD, hasher="pbkdf2_sha256"))
    assert person_with_password(user.email, PASSWORD) == user
    stored = User.objects.get(pk=user.pk)
    assert stored.password.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
    assert stored.check_password(PASSWORD)
