import argon2
import pytest
from django.conf import settings as django_settings
from django.contrib.auth.hashers import Argon2PasswordHasher, check_password, make_password, verify_password
from pytest_django import Settings

from keystone.passwords.hashers import OlderHasher

REAL = ["keystone.passwords.hashers.Argon2idHasher", "keystone.passwords.hashers.OlderHasher"]


def test_new_hashes_are_argon2id_with_owasps_parameters(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = REAL
    assert make_password("correct horse").startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
    assert django_settings.PASSWORD_HASHERS == REAL


def test_a_hash_of_other_parameters_is_due_for_an_upgrade(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = REAL
    assert verify_password("correct horse", make_password("correct horse")) == (True, False)
    older = argon2.PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash("correct horse")
    other_type = argon2.PasswordHasher(2, 19 * 1024, 1, type=argon2.Type.I).hash("correct horse")
    djangos = Argon2PasswordHasher().encode("correct horse", "salt" * 6)
    for encoded in (f"argon2{older}", f"argon2{other_type}", djangos):
        assert verify_password("correct horse", encoded) == (True, True)
        assert verify_password("wrong", encoded) == (False, True)


def test_a_hash_of_djangos_default_is_due_for_an_upgrade(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = REAL
    for iterations in (OlderHasher.iterations, 1_000):
        encoded = OlderHasher().encode("correct horse", "salt" * 6, iterations)
        assert verify_password("correct horse", encoded) == (True, True)
        assert verify_password("wrong", encoded) == (False, True)
    upgraded: list[str] = []
    assert check_password("correct horse", encoded, upgraded.append)
    assert upgraded == ["correct horse"]


def test_a_password_works_however_the_keyboard_sends_its_accents_and_spaces(settings: Settings) -> None:
    """RFC 8265, section 4.2.2: a Mac may send NFD, others NFC; case and width of letters count."""
    settings.PASSWORD_HASHERS = REAL
    composed, decomposed = "caf\u00e9 am See", "cafe\u0301\u00a0am See"
    for chosen, typed in ((composed, decomposed), (decomposed, composed)):
        encoded = make_password(chosen)
        assert verify_password(typed, encoded) == (True, False)
        assert verify_password(chosen, encoded) == (True, False)
        for other in ("cafe am See", "caf\u00e9 am see", "caf\u00e9  am See", "\uff43af\u00e9 am See"):
            assert not check_password(other, encoded)


def test_half_a_surrogate_pair_is_no_fault_of_the_normalisation(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = REAL
    with pytest.raises(UnicodeEncodeError):  # as without it; requests with one are refused before
        make_password("a\ud800b")
