import random
import string
import subprocess
import sys

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.password_validation import password_validators_help_texts, validate_password
from django.core.exceptions import ValidationError
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from keystone.accounts.models import User
from keystone.approval.admin.forms import NewPersonForm, PasswordForm
from keystone.development import administrator, sample_people
from keystone.passwords.rules import MAX_PASSWORD_LENGTH, PUBLISHED_PASSWORDS, common_passwords
from keystone.testing.factories import PASSWORD, UserFactory

UNCOMMON = string.ascii_letters * 5  # 260 characters


def codes(password: str) -> list[str | None]:
    """What the validators in force say to a password."""
    try:
        validate_password(password)
    except ValidationError as error:
        return [fault.code for fault in error.error_list]
    return []


# -- Length ------------------------------------------------------------------------------------------------------
def test_a_password_has_8_to_256_characters() -> None:
    assert codes("xq7vkw2") == ["password_too_short"]
    assert codes("xq7vkw2m") == []
    assert codes(UNCOMMON[:256]) == []
    assert codes(UNCOMMON[:257]) == ["password_too_long"]
    with pytest.raises(ValidationError, match=r"This password is too long\. It may contain at most 256 characters\."):
        validate_password(UNCOMMON)


@pytest.mark.django_db
def test_the_api_takes_no_longer_password(api: APIClient) -> None:
    body = {"email": "ann@example.com", "first_name": "Ann", "password": UNCOMMON[: MAX_PASSWORD_LENGTH + 1]}
    answer = api.post("/api/auth/register/", body)
    message = "Ensure this field has no more than 256 characters."
    assert (answer.status_code, answer.json()["error"]["fields"]) == (400, {"password": [message]})
    assert api.post("/api/auth/register/", body | {"password": UNCOMMON[:MAX_PASSWORD_LENGTH]}).status_code == 202


@pytest.mark.django_db
def test_the_admin_takes_no_longer_password(root: User, client: Client) -> None:
    message = "Ensure this value has at most 256 characters (it has 260)."
    both = PasswordForm({"password1": UNCOMMON, "password2": UNCOMMON}, user=UserFactory())
    assert both.errors == {"password1": [message], "password2": [message]}
    person = {"email": "ann@example.com", "first_name": "Ann", "password1": UNCOMMON}
    assert NewPersonForm(person).errors == {"password1": [message]}
    client.force_login(root, backend="keystone.accounts.backends.EmailBackend")
    own = {"old_password": PASSWORD, "new_password1": UNCOMMON, "new_password2": UNCOMMON}
    answer = client.post("/admin/password_change/", own)
    assert "This password is too long. It may contain at most 256 characters." in answer.content.decode()


# -- What attackers try first ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "password",
    [
        "password",  # Django's list
        "klaster1",  # zxcvbn's list
        "PassWord",
        "\N{FULLWIDTH LATIN SMALL LETTER P}assword",
        "p@ssw0rd",
        "p@ssw0rd1!",
        "P4$$w0rd",
        "tru5tn01",
        "Password2026!",
        "Summer2026!!",
        "!!monkey!!",
        "123letmein!!!",
        " password ",
        "dragondragon",
        "DragonDragon1!",
        "abcabcabcabc",
        "abcabcab",
        "xxxxxxxxxxxx",
        "Keystone-Keystone",
        "password password",
        "Password2026!Password2026!",
        "letmein letmein",
        "letmein letmein-letmein",
        "p@ssw0rd!p@ssw0rd",
        "Passw0rd-p@ssword!",
        "!!monkey monkey2026",
        "        ",
        "Keystone2026!",
        "k3yst0n3",
        *PUBLISHED_PASSWORDS,
    ],
)
def test_what_attackers_try_first_is_refused(password: str) -> None:
    assert codes(password) == ["password_too_common"]


@pytest.mark.parametrize(
    "password",
    [
        PASSWORD,
        "a good long one",
        "correct horse 9",
        "password of my sister",
        "my dragon Keystone",
        "monkey84720193",  # more than six: they take longer to guess than the word
        "Tr0ub4dor&3",
        "zebra-plum-canoe",
        "zebra-plum-zebra-plum",
        "password pas",
        "correct horse battery staple",
        "another long password",
        "canary first password",
        "пароль не из списка",
    ],
)
def test_a_listed_word_among_others_is_no_reason_to_refuse(password: str) -> None:
    assert codes(password) == []


@pytest.mark.parametrize(
    ("signs", "length"),
    [(string.ascii_letters + string.digits, 12), (string.ascii_letters + string.digits + string.punctuation, 14)],
)
def test_what_a_password_manager_makes_passes(signs: str, length: int) -> None:
    chance = random.Random(8)  # noqa: S311 - the same ones in every run
    made = ["".join(chance.choices(signs, k=length)) for _ in range(5_000)]
    assert [password for password in made if codes(password)] == []


def test_the_published_passwords_are_those_of_the_development_accounts() -> None:
    assert set(PUBLISHED_PASSWORDS) == {administrator.PASSWORD, sample_people.PASSWORD}


def test_the_project_may_have_any_name(settings: Settings) -> None:
    settings.KEYSTONE = {"PROJECT_NAME": "Quux-Portal of Zorg"}
    assert codes("quuxportalofzorg1") == ["password_too_common"]
    assert codes("Quux2026!") == ["password_too_common"]
    assert codes("my-quux-portal") == []
    settings.KEYSTONE = {"PROJECT_NAME": ""}
    assert codes("Quux2026!") == []


@pytest.mark.slow
def test_the_lists_are_read_once_and_when_they_are_needed() -> None:
    assert common_passwords() is common_passwords()
    assert len(common_passwords()) > 39_000
    program = (
        "import sys, django; django.setup()\n"
        "from django.contrib.auth.password_validation import get_default_password_validators, validate_password\n"
        "from keystone.passwords import rules\n"
        "get_default_password_validators()\n"
        "print(rules._read_lists.cache_info().currsize)\n"
        "validate_password('a good long one')\n"
        "print(rules._read_lists.cache_info().currsize)\n"
        "print('zxcvbn' in sys.modules, 'httpx' in sys.modules)\n"
    )
    environment = {"DJANGO_SETTINGS_MODULE": "config.settings.testing", "PATH": "/usr/bin:/bin"}
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=django_settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert (result.stdout.split(), result.stderr) == (["0", "1", "False", "False"], "")


# -- What is said ------------------------------------------------------------------------------------------------
def test_the_rules_are_told_before_and_after() -> None:
    texts = [str(text) for text in password_validators_help_texts()]
    assert "Your password must contain at least 8 characters." in texts
    assert "Your password may contain at most 256 characters." in texts
    common = "Your password cannot be a commonly used one, even with digits or symbols added or in place of letters."
    assert common in texts
    with pytest.raises(ValidationError) as caught:
        validate_password("password1")
    assert caught.value.messages == ["This password is too common: it is one of those that attackers try first."]
