"""`user export` and `user erase`."""

import io
import json
import stat
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from django.core.management import CommandError, call_command

from keystone.accounts.models import User
from keystone.audit.models import AuditEvent
from keystone.testing.factories import UserFactory

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning"),
]


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    call_command("user", *arguments)
    return capsys.readouterr().out


def test_export_writes_a_file_that_only_its_owner_reads(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    user = UserFactory(email="ann@example.com")
    assert said(capsys, "export", "--email", "Ann@example.com").startswith(
        "The personal data of Ann@example.com was written to "
    )
    file = tmp_path / f"personal-data-{user.pk}.zip"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with ZipFile(file) as archive:
        assert json.loads(archive.read("about.json"))["email"] == "ann@example.com"
    noted = AuditEvent.objects.get()
    assert (noted.action, noted.actor_kind) == ("user.data_exported", "cli")
    other = tmp_path / "other.zip"
    told = json.loads(said(capsys, "export", "--email", "ann@example.com", "--output", str(other), "--json"))
    assert told == {"email": "ann@example.com", "file": str(other), "bytes": other.stat().st_size}


def test_export_writes_over_nothing(tmp_path: Path) -> None:
    UserFactory(email="ann@example.com")
    file = tmp_path / "there.zip"
    file.write_text("mine")
    with pytest.raises(CommandError, match=r"there\.zip already exists\."):
        call_command("user", "export", "--email", "ann@example.com", "-o", str(file))
    with pytest.raises(CommandError, match="No such file or directory"):
        call_command("user", "export", "--email", "ann@example.com", "-o", str(tmp_path / "no" / "folder.zip"))
    assert file.read_text() == "mine"


@pytest.mark.parametrize("command", ["export", "erase"])
def test_nobody_is_told_of(command: str) -> None:
    with pytest.raises(CommandError, match="no such person"):
        call_command("user", command, "--email", "nobody@example.com")


def test_erase_wants_the_address_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    user = UserFactory(email="ann@example.com")
    monkeypatch.setattr("sys.stdin", io.StringIO("ann@example.com\n"))  # nobody sees the question
    for arguments, error in (
        ([], "This command asks a question, and there is no terminal to answer on. Use --confirm ann@example.com."),
        (["--confirm", "bob@example.com"], "That is not ann@example.com. Nothing was changed."),
    ):
        with pytest.raises(CommandError) as raised:
            call_command("user", "erase", "--email", "ann@example.com", *arguments)
        assert str(raised.value) == error
    assert User.objects.get(pk=user.pk).erased_at is None


def test_erase_takes_away_who_somebody_was(capsys: pytest.CaptureFixture[str]) -> None:
    user, other = UserFactory(email="ann@example.com"), UserFactory(email="bob@example.com")
    pseudonym = f"{user.pk.hex}@erased.invalid"
    text = said(capsys, "erase", "--email", "ann@example.com", "--confirm", "ann@example.com")
    assert text == f"Erased. The account is now {pseudonym}, and its history is kept under that name.\n"
    assert User.objects.get(pk=user.pk).email == pseudonym
    told: Any = json.loads(said(capsys, "erase", "--email", other.email, "--confirm", other.email, "--json"))
    assert (told["id"], told["pseudonym"]) == (str(other.pk), f"{other.pk.hex}@erased.invalid")
