"""`manage.py user` in a terminal, as `docker compose exec` gives one: what is asked, and that no password is shown."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings

from keystone.accounts.backends import person_with_password
from keystone.accounts.models import User
from keystone.accounts.status import Status
from keystone.audit.models import AuditEvent
from keystone.testing.factories import PASSWORD, UserFactory
from tests.accounts.typed import Terminal
from tests.served.server import process_environment

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
GOOD = "a long walk by the sea"
WEAK = "Sample@1234"


@pytest.fixture
def terminal(tmp_path: Path) -> Callable[..., Terminal]:
    def open_terminal(*arguments: str) -> Terminal:
        return Terminal("user", *arguments, environment=process_environment(tmp_path, {}))

    return open_terminal


def test_a_superuser_is_made_by_answers_and_no_password_is_shown(terminal: Callable[..., Terminal]) -> None:
    UserFactory(email="taken@example.com")
    with terminal("create", "--is-superuser") as shell:
        shell.answer("Email address: ", "nobody")
        shell.wait_for("Enter a valid email address.")
        shell.answer("Email address: ", "TAKEN@example.com")
        shell.wait_for("A person with this email address already exists.")
        shell.answer("Email address: ", "ruth@example.com")
        shell.answer("First name: ", "www.example.com")
        shell.wait_for("A name has no web address in it.")
        shell.answer("First name: ", "Ruth")
        shell.answer("Last name: ", "")
        shell.answer("Password: ", WEAK)
        shell.answer("Repeat it: ", WEAK)
        shell.wait_for("This password is ")
        shell.answer("Password: ", GOOD)
        shell.answer("Repeat it: ", f"{GOOD}!")
        shell.wait_for("do not match")
        shell.answer("Password: ", GOOD)
        shell.answer("Repeat it: ", GOOD)
        assert shell.end() == 0, shell.shown
        assert shell.shown.endswith("\nruth@example.com has an account: active, superuser.\n")
        assert GOOD not in shell.shown
        assert WEAK not in shell.shown
    user = User.objects.get(email="ruth@example.com")
    assert (user.first_name, user.last_name, user.is_staff, user.is_superuser) == ("Ruth", "", True, True)
    assert person_with_password("ruth@example.com", GOOD) == user
    assert AuditEvent.objects.get(action="user.created").actor_kind == "cli"


@pytest.mark.parametrize(("key", "question"), [(b"\x03", "Password: "), (b"\x04", "Email address: ")])
def test_who_breaks_off_has_changed_nothing(terminal: Callable[..., Terminal], key: bytes, question: str) -> None:
    given = [] if question.startswith("Email") else ["--email", "a@example.com", "--first-name", "", "--last-name", ""]
    with terminal("create", *given) as shell:
        assert shell.break_off(question, key) == 1
        assert "Traceback" not in shell.shown
    assert not User.objects.exists()


def test_a_password_is_set_by_answers(terminal: Callable[..., Terminal]) -> None:
    user = UserFactory(email="ann@example.com")
    with terminal("set-password", "ann@example.com") as shell:
        shell.answer("Password: ", GOOD)
        shell.answer("Repeat it: ", GOOD)
        assert shell.end() == 0, shell.shown
        assert GOOD not in shell.shown
    assert person_with_password("ann@example.com", GOOD) == user


@pytest.mark.parametrize("arguments", [["set-password", "ann@example.com"], ["create", "--email", "b@example.com"]])
def test_a_terminal_for_standard_input_does_not_show_the_password(
    terminal: Callable[..., Terminal], arguments: list[str]
) -> None:
    UserFactory(email="ann@example.com")
    names = ["--first-name", "", "--last-name", ""] if arguments[0] == "create" else []
    with terminal(*arguments, *names, "--password-stdin") as shell:
        shell.answer("Password: ", GOOD)
        shell.answer("Repeat it: ", GOOD)
        assert shell.end() == 0, shell.shown
        assert GOOD not in shell.shown
    assert person_with_password(arguments[-1], GOOD) is not None


def test_a_reason_is_asked_for(terminal: Callable[..., Terminal]) -> None:
    user = UserFactory(email="ann@example.com", status=Status.PENDING_ADMIN_APPROVAL)
    with terminal("reject", "ann@example.com") as shell:
        shell.answer("Reason (shown to the person): ", "We are full.")
        assert shell.end() == 0, shell.shown
    user.refresh_from_db()
    assert (user.status, user.status_reason) == (Status.REJECTED, "We are full.")


def test_a_pipe_gives_the_password_and_the_exit_status_tells_how_it_went(tmp_path: Path) -> None:
    UserFactory(email="ann@example.com")
    environment = process_environment(tmp_path, {})

    def run(*arguments: str, text: bytes) -> "subprocess.CompletedProcess[bytes]":
        command = [sys.executable, "manage.py", "user", *arguments]
        return subprocess.run(command, cwd=settings.BASE_DIR, env=environment, input=text, capture_output=True)

    ended = run("set-password", "ann@example.com", "--password-stdin", text=GOOD.encode() + b"\n")
    assert (ended.returncode, GOOD.encode() in ended.stdout + ended.stderr) == (0, False)
    assert person_with_password("ann@example.com", GOOD) is not None
    assert person_with_password("ann@example.com", PASSWORD) is None
    ended = run("create", "--email", "ANN@example.com", "--password-stdin", text=GOOD.encode())
    assert ended.returncode == 1
    assert ended.stdout == b""
    assert ended.stderr.startswith(b"CommandError: A person with this email address already exists.")
    assert len(ended.stderr.splitlines()) == 1
