"""Making migrations: `db migrate`. They are written into a folder of the test's, never into the code."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db.migrations.questioner import MigrationQuestioner
from django.db.migrations.state import ModelState
from pytest_django import Settings

from keystone.database.branches import UnknownBranch
from keystone.database.making import (
    ChangesElsewhere,
    ConflictingLeaves,
    CreatedMigration,
    NoName,
    NotWrittenHere,
    make,
    name_of,
)
from keystone.database.questioning import NeedsAnswer, questioner_for
from tests.database.own_database import lines_of
from tests.database.scratch import Scratch

pytestmark = pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning")
FIELD = "('organisation', models.CharField(blank=True, max_length=200, verbose_name='organisation'))"


@pytest.fixture
def scratch(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Scratch:
    monkeypatch.syspath_prepend(tmp_path)
    found = Scratch(tmp_path)
    settings.MIGRATION_MODULES = found.modules
    return found


@pytest.mark.parametrize(
    ("message", "name"),
    [
        ("Description of changes", "description_of_changes"),
        ("  Add  phone-number: UNIQUE! ", "add_phone_number_unique"),
        ("Grüße für Zoë", "grue_fur_zoe"),
        ("2FA for everybody", "2fa_for_everybody"),
        ("../../etc/passwd", "etcpasswd"),
        ("__init__", "init"),
        ("class", "class"),
        ("word " * 20, "word_word_word_word_word_word_word_word_word_word_word_word"),
        ("x" * 100, "x" * 60),
    ],
)
def test_the_message_becomes_a_name(message: str, name: str) -> None:
    assert name_of(message) == name


@pytest.mark.parametrize("message", ["", "   ", "!!!", "___", "変更", "../.."])
def test_a_message_without_latin_letters_is_refused(scratch: Scratch, message: str) -> None:
    with pytest.raises(NoName):
        name_of(message)
    with pytest.raises(
        CommandError, match=r"^The message becomes the file's name: it must contain Latin letters or digits\.$"
    ):
        call_command("db", "migrate", message)
    assert not list(scratch.folder.glob("*/*/0*_.py"))


@pytest.mark.parametrize("label", ["auth", "procrastinate"])
def test_a_librarys_branch_is_refused(scratch: Scratch, label: str) -> None:
    with pytest.raises(NotWrittenHere):
        make("x", branch=label)
    with pytest.raises(CommandError, match=rf"^{label} belongs to a library, .* Yours are: keystone, project\.$"):
        call_command("db", "migrate", "x", "--branch", label, "--no-autogenerate")


def test_a_branch_that_there_is_not_is_refused(scratch: Scratch) -> None:
    with pytest.raises(UnknownBranch):
        make("x", branch="keyston")
    with pytest.raises(CommandError, match=r"^There is no branch keyston\. Known branches: keystone, project\.$"):
        call_command("db", "migrate", "x", "--branch", "keyston")


def test_a_branch_that_ends_twice_is_refused_with_both_names(scratch: Scratch) -> None:
    for label, option in (("project", "--autogenerate"), ("keystone", "--no-autogenerate"), ("keystone", "--dry-run")):
        names = scratch.names(label)[-2:] if option == "--dry-run" else scratch.fork(label)
        before = scratch.names(label)
        with pytest.raises(ConflictingLeaves):
            make("x", branch=label)
        with pytest.raises(
            CommandError, match=rf"^{label} has more than one latest migration: {names[0]}, {names[1]}\."
        ):
            call_command("db", "migrate", "x", "--branch", label, option)
        assert scratch.names(label) == before


def test_another_branch_that_ends_twice_does_not_matter(scratch: Scratch) -> None:
    scratch.fork("project")
    name = scratch.next("keystone", "x")
    [made] = make("x", autogenerate=False)
    assert made.name == name


def test_nothing_to_write_is_no_error(scratch: Scratch, capsys: pytest.CaptureFixture[str]) -> None:
    before = {label: scratch.names(label) for label in scratch.modules}
    assert lines_of(capsys, "migrate", "Description of changes") == ["Nothing to do: keystone has no changes."]
    assert lines_of(capsys, "migrate", "x", "--branch", "project") == ["Nothing to do: project has no changes."]
    assert json.loads("\n".join(lines_of(capsys, "migrate", "x", "--json"))) == []
    assert lines_of(capsys, "migrate", "x", "--check") == ["Nothing to do: keystone has no changes."]
    assert {label: scratch.names(label) for label in scratch.modules} == before


def test_what_the_models_have_is_written(scratch: Scratch, capsys: pytest.CaptureFixture[str]) -> None:
    scratch.change(FIELD + ",", "")
    lines = lines_of(capsys, "migrate", "Description of changes", "--branch", "project")
    path = scratch.of("project") / "0002_description_of_changes.py"
    assert lines == [f"Wrote {os.path.relpath(path)}:", "  Add field organisation to profile"]
    migration = scratch.imported("project", "0002_description_of_changes")
    assert migration.dependencies == [("project", "0001_initial")]
    assert [operation.describe() for operation in migration.operations] == ["Add field organisation to profile"]
    assert lines_of(capsys, "migrate", "x", "--branch", "project") == ["Nothing to do: project has no changes."]


def test_keystones_branch_is_meant_where_none_is_said(scratch: Scratch, capsys: pytest.CaptureFixture[str]) -> None:
    name, last = scratch.next("keystone", "empty_migration"), scratch.names("keystone")[-1]
    lines = lines_of(capsys, "migrate", "Empty migration", "--no-autogenerate")
    assert lines == [f"Wrote {os.path.relpath(scratch.of('keystone') / name)}.py:"]
    migration = scratch.imported("keystone", name)
    assert (migration.dependencies, migration.operations) == ([("keystone", last)], [])


def test_an_app_without_migrations_gets_its_first(scratch: Scratch) -> None:
    shutil.rmtree(scratch.of("project"))
    [made] = make("Begin", branch="project")
    assert made == CreatedMigration(
        "project", "0001_begin", scratch.of("project") / "0001_begin.py", ["Create model Profile"]
    )
    assert (scratch.of("project") / "__init__.py").read_text() == ""
    assert scratch.imported("project", "0001_begin").initial is True


def test_json_names_the_file_and_what_it_does(scratch: Scratch, capsys: pytest.CaptureFixture[str]) -> None:
    scratch.change(FIELD + ",", "")
    told = json.loads("\n".join(lines_of(capsys, "migrate", "x", "--branch", "project", "--json")))
    assert told == [
        {
            "branch": "project",
            "name": "0002_x",
            "path": str(scratch.of("project") / "0002_x.py"),
            "operations": ["Add field organisation to profile"],
        }
    ]


def test_a_dry_run_writes_nothing_and_asks_nothing(scratch: Scratch, capsys: pytest.CaptureFixture[str]) -> None:
    scratch.change("'organisation', models", "'firm', models")
    before = scratch.names("project")
    lines = lines_of(capsys, "migrate", "x", "--branch", "project", "--dry-run")
    path = os.path.relpath(scratch.of("project") / "0002_x.py")
    assert lines == [
        f"Would write {path}:",
        "  Remove field firm from profile",
        "  Add field organisation to profile",
    ]
    assert scratch.names("project") == before


@pytest.mark.slow
def test_a_check_fails_where_something_lacks(scratch: Scratch, capsys: pytest.CaptureFixture[str]) -> None:
    scratch.change(FIELD + ",", "")
    before = scratch.names("project")
    done = scratch.run("db", "migrate", "x", "--branch", "project", "--check")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines()[-1] == "  Add field organisation to profile"
    assert scratch.names("project") == before


def test_changes_of_another_branch_come_first(scratch: Scratch) -> None:
    scratch.empty("keystone")
    scratch.modules["auth"] = f"{scratch.package}.auth"  # whose groups Keystone's people are in
    scratch.of("auth").mkdir()
    (scratch.of("auth") / "__init__.py").touch()
    with pytest.raises(ChangesElsewhere, match=r"^keystone depends on changes of auth that have no migration yet"):
        make("x")
    assert (scratch.names("keystone"), scratch.names("auth")) == ([], [])


@pytest.mark.parametrize(
    ("before", "after", "question"),
    [
        ("'organisation', models", "'firm', models", "Was profile.firm renamed to organisation?"),
        ("name='Profile'", "name='Card'", "Was the model Card renamed to Profile?"),
        (
            "('user', models.OneToOneField(",
            "('person', models.ForeignKey(",
            "Which value should existing rows get in the new field profile.user? Give it a default.",
        ),
        (
            "models.CharField(blank=True, ",
            "models.CharField(blank=True, null=True, ",
            "Which value should rows get that have none in profile.organisation? Give it a default.",
        ),
    ],
)
def test_what_would_be_asked_is_refused_where_there_is_no_terminal(
    scratch: Scratch, before: str, after: str, question: str
) -> None:
    scratch.change(before, after)
    with pytest.raises(CommandError) as raised:
        call_command("db", "migrate", "x", "--branch", "project")
    assert str(raised.value) == f"{question} There is no terminal to answer on; nothing was written."
    assert scratch.names("project") == ["0001_initial"]


@pytest.mark.parametrize(
    "ask",
    [
        lambda nobody: nobody.ask_not_null_addition("field", "model"),
        lambda nobody: nobody.ask_auto_now_add_addition("field", "model"),
        lambda nobody: nobody.ask_not_null_alteration("field", "model"),
        lambda nobody: nobody.ask_unique_callable_default_addition("field", "model"),
        lambda nobody: nobody.ask_rename("model", "old", "new", None),
        lambda nobody: nobody.ask_rename_model(ModelState("a", "Old", []), ModelState("a", "New", [])),
    ],
    ids=["addition", "time", "alteration", "unique", "rename", "rename model"],
)
def test_nobody_is_taken_to_have_answered(ask: Callable[[MigrationQuestioner], object]) -> None:
    with pytest.raises(NeedsAnswer):
        ask(questioner_for("project", dry_run=False))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "operations"),
    [
        ("y", ["Rename field firm on profile to organisation"]),
        ("n", ["Remove field firm from profile", "Add field organisation to profile"]),
    ],
)
def test_on_a_terminal_it_is_asked(scratch: Scratch, answer: str, operations: list[str]) -> None:
    scratch.change("'organisation', models", "'firm', models")
    status, said = scratch.type(f"{answer}\n", "db", "migrate", "x", "--branch", "project")
    assert status == 0, said
    assert "Was profile.firm renamed to profile.organisation (a CharField)? [y/N]" in said
    migration = scratch.imported("project", "0002_x")
    assert [operation.describe() for operation in migration.operations] == operations


@pytest.mark.slow
def test_the_end_of_the_input_is_no_answer(scratch: Scratch) -> None:
    scratch.change("'organisation', models", "'firm', models")
    status, said = scratch.type("\x04", "db", "migrate", "x", "--branch", "project")
    assert status == 1
    assert "CommandError: Nothing was changed." in said
    assert "Traceback" not in said
    assert scratch.names("project") == ["0001_initial"]
