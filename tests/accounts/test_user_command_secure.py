"""`manage.py user set-password`, `revoke-sessions`, `reset-otp` and `reset-limits`; and completion of addresses."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.core.management import call_command, get_commands, load_command_class
from pytest_django import Settings
from typer._click import Context

from keystone.accounts.backends import person_with_password
from keystone.accounts.models import User
from keystone.audit.models import AuditEvent
from keystone.observability.origin import origin
from keystone.sessions.models import Session
from keystone.sign_in.with_tokens import sign_in
from keystone.testing.factories import PASSWORD, UserFactory
from keystone.throttling.limits import TooManyAttempts, count_attempt
from keystone.throttling.models import AttemptWindow
from keystone.two_factor import enrolment
from tests.accounts.user_command import refused
from tests.two_factor.phone import set_up

pytestmark = [
    pytest.mark.django_db,
    # django-typer hands typer an option of its own that typer would rather call otherwise.
    pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning"),
]
GOOD = "a long walk by the sea"


def signed_in() -> User:
    user = UserFactory(email="ann@example.com")
    sign_in(email="ann@example.com", password=PASSWORD)
    return user


@pytest.mark.parametrize("name", ["set-password", "revoke-sessions", "reset-otp", "reset-limits"])
@pytest.mark.parametrize("address", ["nobody@example.com", "no address", ""])
def test_an_unknown_person_is_refused_in_a_line(piped: Callable[[bytes], None], name: str, address: str) -> None:
    piped(GOOD.encode())
    assert refused(name, address) == "There is no such person."


def test_a_password_is_not_waited_for_without_a_terminal() -> None:
    user = signed_in()
    said = "This command asks a question, and there is no terminal to answer on. Use --password-stdin."
    assert refused("set-password", "ann@example.com") == said
    assert person_with_password("ann@example.com", PASSWORD) == user


@pytest.mark.parametrize("text", [b"", b"short\n", b"Sample@1234", b"ann@example.com", b"one\ntwo"])
def test_what_is_no_good_password_is_not_set(
    piped: Callable[[bytes], None], capsys: pytest.CaptureFixture[str], text: bytes
) -> None:
    user = signed_in()
    piped(text)
    said = refused("set-password", "ann@example.com", "--password-stdin")
    assert text.decode().strip() not in said or text in {b"", b"short\n"}  # "too short" says the word
    assert person_with_password("ann@example.com", PASSWORD) == user
    assert Session.objects.live().exists()


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_password_is_set_and_ends_sessions(
    piped: Callable[[bytes], None],
    do: Callable[..., Any],
    mailoutbox: list[EmailMessage],
    capsys: pytest.CaptureFixture[str],
    end: bytes,
) -> None:
    user = signed_in()
    piped(GOOD.encode() + end)
    do(call_command, "user", "set-password", "ANN@example.com", "--password-stdin")
    assert person_with_password("ann@example.com", GOOD) == user
    assert not Session.objects.live().exists()
    assert [mail.to for mail in mailoutbox] == [["ann@example.com"]]
    event = AuditEvent.objects.get(action="user.password_set")
    assert (event.actor_kind, event.target_id) == ("cli", str(user.pk))
    out, err = capsys.readouterr()
    assert out == (
        "ann@example.com has a new password, and all their sessions have been revoked. The person "
        "is notified by email.\n"
    )
    assert GOOD not in err


def test_sessions_are_revoked(capsys: pytest.CaptureFixture[str]) -> None:
    user = signed_in()
    call_command("user", "revoke-sessions", " ANN@example.com")
    assert not Session.objects.live().exists()
    event = AuditEvent.objects.get(action="user.sessions_ended")
    assert (event.actor_kind, event.target_id) == ("cli", str(user.pk))
    assert capsys.readouterr().out == (
        "ann@example.com has been signed out everywhere, and the links in their mails no longer work.\n"
    )
    before = user.access_version
    user.refresh_from_db()
    assert user.access_version == before + 1


def test_limits_are_lifted(capsys: pytest.CaptureFixture[str], settings: Settings) -> None:
    settings.KEYSTONE = {"ATTEMPTS_PER_ADDRESS_AND_IP": 1}
    UserFactory(email="ann@example.com")
    with origin(ip_address="192.0.2.1"):
        count_attempt(address="ann@example.com")
        with pytest.raises(TooManyAttempts):
            count_attempt(address="ann@example.com")
    call_command("user", "reset-limits", "ann@example.com", "--json")
    assert json.loads(capsys.readouterr().out) == {"email": "ann@example.com", "reset": 2}
    assert not AttemptWindow.objects.filter(address="ann@example.com").exists()


def test_json_tells_what_was_done(piped: Callable[[bytes], None], capsys: pytest.CaptureFixture[str]) -> None:
    user = UserFactory(email="ann@example.com")

    def told(*arguments: str) -> Any:
        call_command("user", *arguments, "--json")
        return json.loads(capsys.readouterr().out)

    piped(GOOD.encode())
    address = "ann@example.com"
    assert told("set-password", address, "--password-stdin") == {"email": address, "password_set": True}
    assert told("revoke-sessions", address) == {"email": address, "sessions_revoked": True}
    user.refresh_from_db()  # its access version, which the ends of sessions counted up
    set_up(user)
    assert told("reset-otp", address) == {"email": address, "was_set_up": True}
    enrolment.begin(user)
    assert told("reset-otp", address) == {"email": address, "was_set_up": False}


@pytest.mark.parametrize(
    "name",
    [
        *("set-roles", "show", "approve", "reject", "reopen", "suspend", "reactivate", "deactivate"),
        *("set-password", "revoke-sessions", "reset-otp", "reset-limits"),
    ],
)
def test_addresses_are_completed(name: str) -> None:
    for address in ("ann@example.com", "Anton@example.com", "bob@example.com"):
        UserFactory(email=address)
    command: Any = load_command_class(get_commands()["user"], "user")
    sub = command.get_subcommand().click_command.commands[name]
    [parameter] = [parameter for parameter in sub.params if parameter.name in {"address", "addresses"}]
    offered = parameter.shell_complete(Context(sub, info_name=name), "AN")
    assert [item.value for item in offered] == ["ann@example.com", "Anton@example.com"]
