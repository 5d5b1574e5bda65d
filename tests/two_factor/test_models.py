"""The authenticator and the recovery codes as rows: what they hold, and what they take."""

import base64
import hashlib
import logging
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django_otp import devices_for_user
from django_otp.models import Device
from django_otp.oath import TOTP
from pytest_django import Settings

from keystone.accounts.models import User
from keystone.testing.factories import UserFactory
from keystone.two_factor import enrolment
from keystone.two_factor.encryption import Unreadable, decrypt, encrypt, is_current
from keystone.two_factor.models import Authenticator, RecoveryCode
from keystone.two_factor.recovery_codes import LENGTH, SIGNS, make_recovery_codes, use_recovery_code
from tests.two_factor.phone import set_up, shown

pytestmark = pytest.mark.django_db
OLD, NEW = "the key of last year " * 3, "the key of this year " * 3


def dump() -> str:
    """The two tables as a dump of the database would hold them."""
    text = ""
    with connection.cursor() as cursor:
        for table in ("keystone_authenticator", "keystone_recoverycode"):
            cursor.execute(f"SELECT * FROM {table}")  # noqa: S608 - our own tables
            text += repr(cursor.fetchall())
    return text


# -- The codes of RFC 6238 ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("seconds", "code"),
    # Appendix B, SHA-1; of its eight digits the last six.
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (2000000000, "279037")],
)
def test_codes_are_those_of_rfc_6238(seconds: int, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    user = UserFactory()
    made = Authenticator.objects.create(user=user, sealed_secret=encrypt(b"12345678901234567890"))
    moment = timezone.now().fromtimestamp(seconds, tz=timezone.get_current_timezone())
    monkeypatch.setattr("django.utils.timezone.now", lambda: moment)
    assert made.verify_token(code) is True
    stored = Authenticator.objects.get()
    assert (stored.last_step, stored.last_used_at) == (seconds // 30, moment)


@pytest.mark.parametrize(("steps", "taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_clocks_may_differ_by_one_step(steps: int, taken: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    authenticator = enrolment.begin(UserFactory())
    now = timezone.now()
    monkeypatch.setattr("django.utils.timezone.now", lambda: now)
    totp = TOTP(decrypt(authenticator.sealed_secret))
    totp.time = (now + timedelta(seconds=30 * steps)).timestamp()
    assert authenticator.verify_token(f"{totp.token():06}") is taken


def test_a_code_works_once_and_so_does_every_earlier_one() -> None:
    authenticator = enrolment.begin(UserFactory())
    earlier, now, later = (shown(authenticator, steps=steps) for steps in (-1, 0, 1))
    assert authenticator.verify_token(now) is True
    assert authenticator.verify_token(now) is False
    assert authenticator.verify_token(earlier) is False
    assert authenticator.verify_token(later) is True
    assert Authenticator.objects.get().verify_token(later) is False


@pytest.mark.parametrize("code", ["", "12345", "1234567", "12345a", "-12345", "١٢٣٤٥٦", "1e5   ", "12345\x00"])
def test_what_is_no_code_is_wrong(code: str) -> None:
    assert enrolment.begin(UserFactory()).verify_token(code) is False


# -- What the rows hold ------------------------------------------------------------------------------------------
def test_a_dump_holds_no_secret_and_no_code() -> None:
    user = UserFactory()
    authenticator = enrolment.begin(user)
    secret = decrypt(authenticator.sealed_secret)
    assert len(secret) == 20
    codes = enrolment.confirm(user, authenticator.pk, shown(authenticator)).recovery_codes
    text = dump().upper()
    assert authenticator.sealed_secret.upper() in text
    for spelling in (
        secret.hex(),
        base64.b32encode(secret).decode(),
        base64.b64encode(secret).decode(),
        base64.urlsafe_b64encode(secret).decode(),
        repr(secret)[2:-1],
        *codes,
        *(code.replace("-", "") for code in codes),
    ):
        assert spelling.upper() not in text


def test_recovery_codes_are_kept_as_digests() -> None:
    user = UserFactory()
    codes = set_up(user)
    digests = {hashlib.sha256(code.replace("-", "").encode()).hexdigest() for code in codes}
    assert set(RecoveryCode.objects.values_list("digest", flat=True)) == digests
    assert len(digests) == 10


def test_each_secret_is_its_own() -> None:
    secrets = {enrolment.begin(UserFactory()).secret for _number in range(3)}
    assert len(secrets) == 3


def test_a_person_has_one_of_each_kind_at_most() -> None:
    user = UserFactory()
    set_up(user)
    enrolment.begin(user)
    with pytest.raises(IntegrityError, match="authenticator_one_each"), transaction.atomic():
        Authenticator.objects.create(user=user, sealed_secret=encrypt(b"x"))
    with pytest.raises(IntegrityError, match="authenticator_confirmed_at"), transaction.atomic():
        Authenticator.objects.filter(confirmed=False).update(confirmed_at=timezone.now())


def test_it_is_a_device_of_django_otp() -> None:
    user = UserFactory()
    set_up(user)
    authenticator = Authenticator.objects.get()
    assert list(devices_for_user(user)) == [authenticator]
    kept: Any = authenticator
    assert Device.from_persistent_id(kept.persistent_id) == authenticator
    assert str(authenticator) == f"Authenticator app #{authenticator.pk}"
    assert str(RecoveryCode.objects.order_by("pk")[0]).startswith("recovery code #")


def test_the_qr_code_says_what_every_app_understands(settings: Settings) -> None:
    settings.KEYSTONE = {"PROJECT_NAME": "Fees & Sons: Ltd"}
    authenticator = enrolment.begin(UserFactory(email="ann+b@example.com"))
    parts = urlsplit(authenticator.uri)
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert parts.path == "/Fees%20%26%20Sons%3A%20Ltd:ann%2Bb%40example.com"
    secret = authenticator.secret
    assert [len(group) for group in secret.split()] == [4] * 8
    assert parse_qs(parts.query) == {
        "secret": [secret.replace(" ", "")],
        "issuer": ["Fees & Sons: Ltd"],
        "algorithm": ["SHA1"],
        "digits": ["6"],
        "period": ["30"],
    }
    assert "+" not in parts.query


# -- Keys that rotate --------------------------------------------------------------------------------------------
def test_a_secret_outlives_the_rotation_of_keys_and_is_sealed_anew(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.SECRET_KEY = OLD
    user = UserFactory()
    set_up(user)
    Authenticator.objects.update(last_step=None)
    before = Authenticator.objects.get()
    sealed, code = before.sealed_secret, shown(before)

    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]
    assert not is_current(sealed)
    assert before.verify_token(code) is True
    after = Authenticator.objects.get()
    assert after.sealed_secret != sealed
    assert is_current(after.sealed_secret)

    settings.SECRET_KEY_FALLBACKS = []
    Authenticator.objects.update(last_step=None)
    assert Authenticator.objects.get().verify_token(code) is True

    settings.SECRET_KEY = OLD
    with caplog.at_level(logging.ERROR):
        assert Authenticator.objects.get().verify_token(code) is False
    assert f"Authenticator {after.pk} was encrypted with a key that is no longer configured." in caplog.text


def test_a_seal_that_was_tampered_with_is_not_opened() -> None:
    sealed = encrypt(b"secret")
    assert decrypt(sealed) == b"secret"
    assert encrypt(b"secret") != sealed
    for broken in (sealed[:-2] + "AA", sealed[5:], "", "no seal"):
        with pytest.raises(Unreadable):
            decrypt(broken)


# -- Recovery codes ----------------------------------------------------------------------------------------------
def made(user: User) -> list[str]:
    with transaction.atomic():
        return make_recovery_codes(user)


def test_recovery_codes_can_be_read_and_typed() -> None:
    codes = made(UserFactory())
    assert len(set(codes)) == 10
    assert not set("ILOU") & set(SIGNS)
    assert len(SIGNS) ** LENGTH >= 2**64
    for code in codes:
        assert [len(group) for group in code.split("-")] == [4] * 4
        assert set(code) <= {*SIGNS, "-"}


def test_a_recovery_code_works_once_for_its_owner_in_any_spelling() -> None:
    ann, bob = UserFactory(), UserFactory()
    code, other = (code.replace("-", "") for code in made(ann)[:2])
    made(bob)
    assert use_recovery_code(bob, code) is False
    assert use_recovery_code(ann, code.lower().replace("0", "o").replace("1", "l")) is True
    assert use_recovery_code(ann, code) is False
    assert use_recovery_code(ann, other) is True
    used = RecoveryCode.objects.filter(user=ann, used_at__isnull=False)
    assert (used.count(), RecoveryCode.objects.unused(ann).count()) == (2, 8)


def test_new_recovery_codes_replace_the_old() -> None:
    user = UserFactory()
    old = made(user)[0].replace("-", "")
    new = made(user)[0].replace("-", "")
    assert RecoveryCode.objects.count() == 10
    assert use_recovery_code(user, old) is False
    assert use_recovery_code(user, new) is True


@pytest.mark.parametrize("code", ["", "\ud800", "0" * 16, "🦆" * 16])
def test_what_is_no_recovery_code_is_wrong(code: str) -> None:
    user = UserFactory()
    made(user)
    assert use_recovery_code(user, code) is False
