"""What `manage.py data` says."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tests.data.library import Book

type WriteLines = Callable[..., Path]


def said(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """What a command prints."""
    call_command("data", *map(str, arguments))
    return capsys.readouterr().out


def refusal(*arguments: str | Path, status: int = 1) -> str:
    """Why a command refuses."""
    with pytest.raises(CommandError) as raised:
        call_command("data", *map(str, arguments))
    assert raised.value.returncode == status
    return str(raised.value)


def titles() -> dict[str, str]:
    """The titles of the books that there are, by ISBN."""
    return dict(Book.objects.order_by("isbn").values_list("isbn", "title"))


def offered(capsys: pytest.CaptureFixture[str], line: str) -> list[str]:
    """What the shell is told, when Tab is pressed at the end of the line."""
    capsys.readouterr()
    call_command("shellcompletion", "--shell", "zsh", "complete", line)
    return capsys.readouterr().out.splitlines()[1::3]
