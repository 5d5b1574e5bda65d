"""`manage.py user create` and `set-roles`."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.core.management import call_command

from keystone.accounts.backends import person_with_password
from keystone.accounts.models import User
from keystone.accounts.status import Status
from keystone.audit.models import AuditEvent
from keystone.mail.models import OutgoingMail
from keystone.sessions.models import Session
from keystone.sign_in.with_tokens import sign_in
from keystone.testing.factories import PASSWORD, UserFactory, superuser
from tests.accounts.user_command import refused

pytestmark = [
    pytest.mark.django_db,
    # django-typer hands typer an option of its own that typer would rather call otherwise.
    pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning"),
]
GOOD = "a long walk by the sea"


@pytest.mark.parametrize(
    ("arguments", "missing"),
    [
        ([], "--email, --password-stdin or --no-password"),
        (["--is-superuser"], "--email, --password-stdin or --no-password"),
        (["--email", "ada@example.com"], "--password-stdin or --no-password"),
        (["--no-password"], "--email"),
    ],
)
def test_without_a_terminal_all_that_is_missing_is_named(arguments: list[str], missing: str) -> None:
    assert (
        refused("create", *arguments)
        == f"This command asks a question, and there is no terminal to answer on. Use {missing}."
    )
    assert not User.objects.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--password", GOOD, "--password-stdin"],
        ["--password", GOOD, "--no-password"],
        ["--password-stdin", "--no-password"],
        ["--password", "", "--no-password"],
    ],
)
def test_only_one_source_of_a_password_is_taken(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    said = refused("create", "--email", "ada@example.com", *arguments)
    assert said == "Give one of --password, --password-stdin and --no-password."
    assert not User.objects.exists()
    assert GOOD not in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--email", "nobody"], "Enter a valid email address."),
        (["--email", ""], "Enter a valid email address."),
        (["--email", "\udcff@example.com"], "Enter a valid email address."),
        (["--first-name", "www.example.com"], "A name has no web address in it."),
        (["--last-name", "a\nb"], "A name has no line breaks or control characters."),
        (["--last-name", "n" * 101], "Ensure this value has at most 100 characters (it has 101)."),
    ],
)
def test_what_is_not_valid_is_refused_before_anything_is_read(
    piped: Callable[[bytes], None], arguments: list[str], said: str
) -> None:
    piped(b"not looked at")
    assert refused("create", "--email", "ada@example.com", "--password-stdin", *arguments) == said
    assert not User.objects.exists()


@pytest.mark.parametrize("address", ["ada@example.com", "ADA@example.com", " ada@EXAMPLE.com "])
def test_an_address_that_somebody_has_is_refused_in_any_spelling(piped: Callable[[bytes], None], address: str) -> None:
    UserFactory(email="ada@example.com")
    piped(GOOD.encode())
    said = refused("create", "--email", address, "--password-stdin")
    assert said.startswith("A person with this email address already exists.")
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "Standard input contains no password."),
        (b"\n", "Standard input contains no password."),
        (b"\r\n", "Standard input contains no password."),
        (b"one\ntwo\n", "Standard input contains more than one line."),
        (b"a long walk by the sea\n\n", "Standard input contains more than one line."),
        (b"\xff\xfe\n", "The password in standard input is not valid UTF-8."),
        (b"x" * 1_027, "Standard input contains more than a password."),
        (b"x" * 300, "password: This password is too long. It may contain at most 256 characters."),
        (b"short\n", "password: This password is too short."),
    ],
)
def test_what_is_no_password_is_refused(piped: Callable[[bytes], None], text: bytes, said: str) -> None:
    piped(text)
    assert said in refused("create", "--email", "ada@example.com", "--password-stdin")
    assert not User.objects.exists()


def test_a_password_like_the_address_or_a_name_is_refused(piped: Callable[[bytes], None]) -> None:
    piped(b"Lovelace-Byron\n")
    arguments = ("--email", "ada@example.com", "--last-name", "Lovelace-Byron", "--password-stdin")
    assert "The password is too similar to the last name." in refused("create", *arguments)
    assert not User.objects.exists()


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_line_break_after_the_password_is_no_part_of_it(
    piped: Callable[[bytes], None], capsys: pytest.CaptureFixture[str], end: bytes
) -> None:
    piped(f"  {GOOD}é ".encode() + end)
    call_command("user", "create", "--email", "Ada@Example.com", "--password-stdin")
    assert person_with_password("ada@example.com", f"  {GOOD}é ") == User.objects.get()
    out, err = capsys.readouterr()
    assert (out, err) == ("Ada@Example.com has an account: active, no role.\n", "")


def test_the_account_is_active_proved_and_audited_and_nobody_is_mailed(
    piped: Callable[[bytes], None], do: Callable[..., Any], mailoutbox: list[EmailMessage]
) -> None:
    piped(GOOD.encode())
    names = ("--first-name", " Ada ", "--last-name", "Lovelace")
    do(call_command, "user", "create", "--email", "ada@example.com", *names, "--password-stdin", "--is-staff")
    user = User.objects.get()
    assert (user.first_name, user.last_name) == ("Ada", "Lovelace")
    assert (user.status, user.is_staff, user.is_superuser) == (Status.ACTIVE, True, False)
    assert user.email_verified_at is not None
    event = AuditEvent.objects.get()
    assert (event.action, event.actor_kind, event.target_id) == ("user.created", "cli", str(user.pk))
    assert event.changes == {"status": [None, "active"], "is_staff": [False, True]}
    assert GOOD not in str(event.__dict__)
    assert not OutgoingMail.objects.exists()
    assert mailoutbox == []


def test_a_superuser_is_staff(piped: Callable[[bytes], None], capsys: pytest.CaptureFixture[str]) -> None:
    piped(GOOD.encode())
    call_command("user", "create", "--email", "root@example.com", "--password-stdin", "--is-superuser")
    user = User.objects.get()
    assert (user.is_staff, user.is_superuser) == (True, True)
    assert capsys.readouterr().out == "root@example.com has an account: active, superuser.\n"


def test_the_person_is_told_where_that_is_asked_for(
    piped: Callable[[bytes], None], do: Callable[..., Any], mailoutbox: list[EmailMessage]
) -> None:
    piped(GOOD.encode())
    do(call_command, "user", "create", "--email", "ada@example.com", "--password-stdin", "--notify")
    assert [(mail.to, mail.subject) for mail in mailoutbox] == [(["ada@example.com"], "Your account with Keystone")]
    assert GOOD not in str(mailoutbox[0].message())


def test_without_a_password_the_person_is_mailed_how_to_choose_one(
    do: Callable[..., Any], mailoutbox: list[EmailMessage], capsys: pytest.CaptureFixture[str]
) -> None:
    do(call_command, "user", "create", "--email", "ada@example.com", "--no-password")
    user = User.objects.get()
    assert not user.has_usable_password()
    assert user.email_verified_at is None  # the mail's link proves it
    assert [mail.to for mail in mailoutbox] == [["ada@example.com"]]
    assert "/reset-password/" in str(mailoutbox[0].body)
    assert capsys.readouterr().out == (
        "ada@example.com has an account: active, no role.\n"
        "It has no password yet; the person is sent a link to choose one.\n"
    )


def test_a_password_on_the_command_line_is_taken_with_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("user", "create", "--email", "ada@example.com", "--password", GOOD)
    assert person_with_password("ada@example.com", GOOD) == User.objects.get()
    out, err = capsys.readouterr()
    assert out == "ada@example.com has an account: active, no role.\n"
    assert err == (
        "The password is now in the shell's history, and was visible to others in the list of processes. "
        "Use --password-stdin, or leave the option out to be asked.\n"
    )


def test_a_password_on_the_command_line_is_judged_like_any_other(capsys: pytest.CaptureFixture[str]) -> None:
    said = refused("create", "--email", "ada@example.com", "--password", "Sample@1234")
    assert said.startswith("Some fields are not valid. password: ")
    assert "Sample@1234" not in said + "".join(capsys.readouterr())
    assert refused("create", "--email", "ada@example.com", "--password", "\udcff" + GOOD).endswith(
        "password: It is not valid UTF-8."
    )
    assert not User.objects.exists()


def test_json_tells_the_account_and_never_the_password(
    piped: Callable[[bytes], None], capsys: pytest.CaptureFixture[str]
) -> None:
    piped(GOOD.encode())
    call_command("user", "create", "--email", "ada@example.com", "--password-stdin", "--json")
    told = json.loads(capsys.readouterr().out)
    user = User.objects.get()
    assert (told["id"], told["email"], told["status"]) == (str(user.pk), "ada@example.com", "active")
    assert "password" not in told


# -- set-roles -----------------------------------------------------------------------------------------------------


def test_the_last_superuser_keeps_the_role() -> None:
    root = superuser(email="root@example.com")
    said = "This is the last active superuser. Create another one first."
    assert refused("set-roles", "root@example.com", "--no-superuser") == said
    root.refresh_from_db()
    assert root.is_superuser


def test_a_superuser_stays_staff() -> None:
    superuser(email="root@example.com")
    assert "A superuser must be staff too." in refused("set-roles", "root@example.com", "--no-staff")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nobody@example.com", "--staff"], "There is no such person."),
        (["ada@example.com"], "Give --staff, --no-staff, --superuser or --no-superuser."),
    ],
)
def test_roles_are_said_and_are_somebodys(arguments: list[str], said: str) -> None:
    UserFactory(email="ada@example.com")
    assert refused("set-roles", *arguments) == said


def test_roles_are_given_and_taken(capsys: pytest.CaptureFixture[str]) -> None:
    superuser()
    ada = UserFactory(email="ada@example.com")
    call_command("user", "set-roles", "ADA@example.com", "--superuser")
    ada.refresh_from_db()
    assert (ada.is_staff, ada.is_superuser) == (True, True)
    assert capsys.readouterr().out == "ada@example.com is now: superuser.\n"
    sign_in(email="ada@example.com", password=PASSWORD)
    call_command("user", "set-roles", "ada@example.com", "--no-superuser", "--json")
    assert json.loads(capsys.readouterr().out)["is_superuser"] is False
    assert not Session.objects.live().exists()
    call_command("user", "set-roles", "ada@example.com", "--no-staff")
    assert capsys.readouterr().out == "ada@example.com is now: no role.\n"
    events = AuditEvent.objects.filter(action="user.roles_changed", actor_kind="cli", target_id=str(ada.pk))
    assert events.count() == 3
