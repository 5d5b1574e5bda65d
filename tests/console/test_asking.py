"""What commands ask: on a terminal, and where there is none."""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache

import pytest
from django.conf import settings

from keystone.console.asking import Declined, NoTerminal, ask, ask_password, confirm, confirm_by_name, has_terminal

PROGRAM = """\
import django
django.setup()
from keystone.console import asking
from keystone.exceptions import Refusal
for call in {calls}:
    try:
        print("answer", repr(eval(call)))
    except Refusal as refusal:
        print("refused", refusal.code, refusal.detail)
    print("next dialogue")
"""
CONFIRM = "asking.confirm('Sure?\\x1b[2J', yes=False)"
CONFIRM_BY_NAME = "asking.confirm_by_name('Its name', name='shop', given=None, option='--database')"
ASK = "asking.ask('Email', option='--email')"
ASK_PASSWORD = "len(asking.ask_password('Password', option='-'))"
# What is called, and what is typed. All of it in one process, because each takes seconds to start.
DIALOGUES: list[tuple[str, tuple[str, ...]]] = [
    (CONFIRM, ("y",)),
    (CONFIRM, ("n",)),
    (CONFIRM, ("",)),
    (CONFIRM_BY_NAME, ("shop",)),
    (CONFIRM_BY_NAME, ("shopp",)),
    (ASK, ("ada@example.com",)),
    (ASK_PASSWORD, ("correct horse", "correct horse")),
]


@cache
def dialogues() -> dict[tuple[str, tuple[str, ...]], str]:
    """Hold the dialogues on a terminal, and return what it shows of each."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(calls=[call for call, _ in DIALOGUES])],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings.testing"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    waiting = [answer for _, answers in DIALOGUES for answer in answers]
    shown, end, seen = "", time.monotonic() + 120, 0
    try:
        while time.monotonic() < end:
            if select.select([ours], [], [], 0.3)[0]:
                try:
                    shown += os.read(ours, 65536).decode()
                except OSError:  # Linux: nobody has the other side open any more
                    break
            elif waiting and shown[seen:].rstrip().endswith(":"):
                os.write(ours, f"{waiting.pop(0)}\n".encode())
                seen = len(shown)
        assert process.wait(timeout=20) == 0, shown
    finally:
        os.close(ours)
        if process.poll() is None:
            process.kill()
            process.wait(timeout=20)
    return dict(zip(DIALOGUES, shown.split("next dialogue\r\n"), strict=False))


@pytest.mark.parametrize(
    ("call", "option"),
    [
        (lambda: confirm("Sure?", yes=False), "--yes"),
        (lambda: confirm("Sure?", yes=False, option="--force"), "--force"),
        (lambda: confirm_by_name("Name", name="shop", given=None, option="--database"), "--database shop"),
        (lambda: ask("Email", option="--email"), "--email"),
        (lambda: ask_password("Password", option="--password-stdin"), "--password-stdin"),
    ],
    ids=["confirm", "another option", "name", "line", "password"],
)
def test_without_a_terminal_nothing_waits_and_the_option_is_named(call: Callable[[], object], option: str) -> None:
    assert not has_terminal()
    with pytest.raises(NoTerminal) as raised:
        call()
    assert raised.value.detail == f"This command asks a question, and there is no terminal to answer on. Use {option}."


def test_what_an_option_has_said_is_not_asked() -> None:
    confirm("Sure?", yes=True)
    confirm_by_name("Name", name="shop", given="shop", option="--database")
    with pytest.raises(Declined, match=r"^That is not shop\. Nothing was changed\.$"):
        confirm_by_name("Name", name="shop", given="Shop", option="--database")


@pytest.mark.parametrize(
    ("answer", "end"), [("y", "answer None"), ("n", "refused declined Nothing was changed."), ("", "refused declined")]
)
def test_only_yes_is_yes(answer: str, end: str) -> None:
    shown = dialogues()[CONFIRM, (answer,)]
    assert "Sure? [2J [y/N]:" in shown
    assert end in shown


@pytest.mark.parametrize(("answer", "end"), [("shop", "answer None"), ("shopp", "refused declined That is not shop.")])
def test_the_name_has_to_be_typed(answer: str, end: str) -> None:
    shown = dialogues()[CONFIRM_BY_NAME, (answer,)]
    assert shown.startswith("Its name:")
    assert end in shown


def test_a_line_is_asked_for() -> None:
    assert "answer 'ada@example.com'" in dialogues()[ASK, ("ada@example.com",)]


def test_a_password_is_asked_for_twice_and_not_shown() -> None:
    shown = dialogues()[ASK_PASSWORD, ("correct horse", "correct horse")]
    assert "Repeat it:" in shown
    assert "answer 13" in shown
    assert "horse" not in shown
