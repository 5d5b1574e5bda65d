"""What a registration costs must not tell whether the address has an account."""

from datetime import timedelta

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher, check_password, make_password
from django.db import connection
from django.test.utils import CaptureQueriesContext
from procrastinate.contrib.django.models import ProcrastinateJob
from pytest_django import Settings

from keystone.accounts import registration, tokens
from keystone.accounts.models import User
from keystone.accounts.registration import register_user
from keystone.accounts.status import Status
from keystone.accounts.tokens import Purpose
from keystone.mail.models import OutgoingMail
from keystone.testing.factories import UserFactory


@pytest.mark.usefixtures("queued_tasks")
def test_a_known_address_costs_as_much_as_an_unknown_one() -> None:
    """All queue the same row, from which a worker decides whether there is a mail: one had before changes nothing.

    So does an address that was given up lately and is kept for its former owner. They differ by short statements,
    beside one password hash.
    """
    costs = []
    owner = UserFactory(email="owner@example.com")
    lifetime = timedelta(days=7)
    tokens.mint(purpose=Purpose.REVERT_EMAIL, user=owner, email="old@example.com", lifetime=lifetime)
    for email in ("ann@example.com", "ann@example.com", "ann@example.com", "bob@example.com", "old@example.com"):
        before = OutgoingMail.objects.count(), ProcrastinateJob.objects.count()
        with CaptureQueriesContext(connection) as counted:
            register_user(email=email, password="a good long one")
        mails, tasks = OutgoingMail.objects.count() - before[0], ProcrastinateJob.objects.count() - before[1]
        costs.append((len(counted), mails, tasks))
    new, known, held = (12, 1, 1), (14, 1, 1), (13, 1, 1)
    assert costs == [new, known, known, new, held]
    assert not User.objects.with_email("old@example.com").exists()


class CountedHasher(MD5PasswordHasher):
    """The tests' hasher, counted. Each hash and each comparison encodes once."""

    algorithm = "counted"
    made = 0

    def encode(self, password: str, salt: str) -> str:
        CountedHasher.made += 1
        return super().encode(password, salt)


@pytest.mark.usefixtures("queued_tasks")
def test_a_registration_costs_one_password_hash_whatever_has_the_address(settings: Settings) -> None:
    imported = UserFactory(email="imported@example.com", status=Status.PENDING_EMAIL_VERIFICATION)
    User.objects.filter(pk=imported.pk).update(password=make_password("a good long one"))
    settings.PASSWORD_HASHERS = [f"{__name__}.CountedHasher", "django.contrib.auth.hashers.MD5PasswordHasher"]
    UserFactory(email="active@example.com")
    costs = []
    for email, password in (
        ("new@example.com", "a good long one"),
        ("new@example.com", "a good long one"),  # the form was sent twice
        ("new@example.com", "a second long one"),
        ("new@example.com", "a third long one"),  # there is no usable password now
        ("active@example.com", "a good long one"),
        ("imported@example.com", "a good long one"),  # with a hash of another algorithm
    ):
        CountedHasher.made = 0
        register_user(email=email, password=password)
        costs.append(CountedHasher.made)
    assert costs == [1] * 6


@pytest.mark.usefixtures("queued_tasks")
def test_an_address_that_is_freed_meanwhile_gets_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    register_user(email="ann@example.com", password="a good long one")

    def freed_meanwhile(password: str, encoded: str) -> bool:
        User.objects.with_email("ann@example.com").delete()
        return check_password(password, encoded)

    monkeypatch.setattr(registration, "check_password", freed_meanwhile)
    register_user(email="ann@example.com", password="a good long one")
    ann = User.objects.with_email("ann@example.com").get()
    assert ann.check_password("a good long one")
