"""What a shell offers for branches and migrations."""

from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from pytest_django import Settings
from typer._click import Context, Parameter
from typer.core import TyperCommand, TyperOption

from keystone.database.completing import (
    complete_branch,
    complete_branch_or_migration,
    complete_migration,
    complete_own_branch,
    complete_way_back,
)
from tests.database.own_database import LABEL, made_by, write_migrations

pytestmark = pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning")
PARAMETER: Parameter = TyperOption(param_decls=["--any"])


def context(branch: str | None = None) -> Context:
    found = Context(TyperCommand("any"))
    found.params = {"branch": branch}
    return found


def offered(
    capsys: pytest.CaptureFixture[str],
    line: str,
) -> list[str]:
    """What the shell is told, when Tab is pressed at the end of the line."""
    capsys.readouterr()
    call_command("shellcompletion", "--shell", "zsh", "complete", line)
    return capsys.readouterr().out.splitlines()[1::3]


def test_branches_are_offered_those_written_here_first() -> None:
    names = [item.value for item in complete_branch(context(), PARAMETER, "")]
    assert names[:2] == ["keystone", "project"]
    assert names[2:] == sorted(names[2:])
    assert "procrastinate" in names
    assert [item.value for item in complete_branch(context(), PARAMETER, "key")] == ["keystone"]
    assert complete_branch(context(), PARAMETER, "nothing") == []
    assert [item.value for item in complete_own_branch(context(), PARAMETER, "")] == ["keystone", "project"]


def test_migrations_are_offered_with_their_branch_where_the_name_is_not_enough() -> None:
    names = [item.value for item in complete_migration(context(), PARAMETER, "")]
    assert names[:2] == ["keystone.0001_initial", "0002_triggers"]
    assert "project.0001_initial" in names
    assert "0001_initial" not in names
    assert len(set(names)) == len(names)
    items = complete_migration(context(), PARAMETER, "0002_tri")
    assert [(item.value, item.help) for item in items] == [("0002_triggers", "keystone")]


def test_migrations_are_offered_of_the_branch_that_is_given() -> None:
    items = complete_migration(context("project"), PARAMETER, "")
    assert [item.value for item in items] == ["0001_initial"]
    assert complete_migration(context("nowhere"), PARAMETER, "") == []


def test_a_branch_and_a_dot_offer_all_of_its_migrations() -> None:
    items = complete_migration(context(), PARAMETER, "keystone.0002")
    assert [item.value for item in items] == ["keystone.0002_triggers"]


def test_what_can_be_shown_is_both() -> None:
    names = [item.value for item in complete_branch_or_migration(context(), PARAMETER, "pro")]
    assert names[:2] == ["project", "procrastinate"]
    assert "project.0001_initial" in names


def test_the_way_back_offers_what_downgrade_finds() -> None:
    """Without a branch that is Keystone's migrations, also by names that other branches have too."""
    assert [item.value for item in complete_way_back(context(), PARAMETER, "0001")] == ["0001_initial"]
    assert [item.value for item in complete_way_back(context(), PARAMETER, "project.")] == ["project.0001_initial"]
    assert [item.value for item in complete_way_back(context("project"), PARAMETER, "b")] == ["base"]


def test_it_needs_no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "NAME", "keystone_nowhere")
    assert complete_migration(context("project"), PARAMETER, "")[0].value == "0001_initial"


@pytest.mark.parametrize("body", ["dependencies = [('messages', '0000_nowhere')]", "this is no Python"])
def test_broken_migrations_offer_nothing(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    settings.MIGRATION_MODULES = {LABEL: write_migrations(tmp_path, **{"0001_one": body})}
    assert complete_migration(context(), PARAMETER, "") == []
    assert complete_branch(context(), PARAMETER, "") == []


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("db show keyst", ["keystone", "keystone.0001_initial"]),
        ("db show --branch proj", ["project"]),
        ("db show --branch project 0001", ["0001_initial"]),
        ("db migrate changes --branch ", ["keystone", "project"]),
        ("db verify --retr", ["--retries"]),
        ("db downgrade 0002", ["0002_triggers"]),
        ("db downgrade --branch project ", ["0001_initial", "base"]),
    ],
)
def test_the_shell_is_offered_them(capsys: pytest.CaptureFixture[str], line: str, names: list[str]) -> None:
    assert offered(capsys, line) == names


def test_a_trial_branch_is_offered(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    settings.MIGRATION_MODULES = {LABEL: write_migrations(tmp_path, **{"0001_one": made_by("one")})}
    assert [item.value for item in complete_migration(context(LABEL), PARAMETER, "")] == ["0001_one"]
