"""The mark of a server's database."""

import json

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from keystone.actors.actor import Actor
from keystone.audit.models import AuditEvent
from keystone.audit.words import action_in_words, changes_in_words
from keystone.database.mark import mark, remove_mark, set_mark
from keystone.database.migrating import upgrade
from tests.database.own_database import OwnDatabase, lines_of

pytestmark = pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning")

Said = pytest.CaptureFixture[str]


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_migrating_on_a_server_marks_the_database(migrated: OwnDatabase, settings: Settings, environment: str) -> None:
    assert mark() is None
    settings.ENVIRONMENT = environment
    upgrade()
    made = str(mark())
    assert made.startswith(f"{environment} since 20")
    settings.ENVIRONMENT = "staging"
    upgrade()
    assert mark() == made


def test_django_s_own_migrate_marks_it_too(migrated: OwnDatabase, settings: Settings) -> None:
    settings.ENVIRONMENT = "production"
    call_command("migrate", "project", "zero", interactive=False, verbosity=0)
    assert str(mark()).startswith("production since ")


@pytest.mark.parametrize("environment", ["local", "testing"])
def test_migrating_elsewhere_marks_nothing_and_leaves_a_mark(
    migrated: OwnDatabase, settings: Settings, environment: str
) -> None:
    settings.ENVIRONMENT = environment
    upgrade()
    assert mark() is None
    settings.ENVIRONMENT = "production"
    made = set_mark()
    settings.ENVIRONMENT = environment
    upgrade()
    assert mark() == made


@pytest.mark.slow
def test_the_mark_outlives_a_downgrade_to_the_ground(migrated: OwnDatabase, settings: Settings) -> None:
    settings.ENVIRONMENT = "production"
    made = set_mark()
    settings.ENVIRONMENT = "local"
    call_command("db", "downgrade", "base", "--yes")
    assert mark() == made


def test_somebody_else_s_comment_is_no_mark(migrated: OwnDatabase) -> None:
    migrated.run("COMMENT ON TABLE django_migrations IS 'production, it''s said'")
    assert mark() is None


def test_an_empty_database_has_none(empty: OwnDatabase, capsys: Said) -> None:
    assert lines_of(capsys, "mark") == ["There is no mark."]
    remove_mark(by=Actor.cli())
    with pytest.raises(
        CommandError, match="No migration has been applied to this database yet, so there is nothing to mark"
    ):
        call_command("db", "mark", "--set")


def test_a_mark_is_set_shown_and_removed_by_name_only(migrated: OwnDatabase, settings: Settings, capsys: Said) -> None:
    settings.ENVIRONMENT = "staging"
    [made] = lines_of(capsys, "mark", "--set")
    assert made.startswith("staging since 20")
    assert lines_of(capsys, "mark") == [made]
    with pytest.raises(CommandError, match="This command asks a question, and there is no terminal to answer on"):
        call_command("db", "mark", "--remove")
    with pytest.raises(CommandError, match=f"That is not {migrated.name}"):
        call_command("db", "mark", "--remove", "--database", "keystone")
    with pytest.raises(CommandError, match="Give --set or --remove, not both"):
        call_command("db", "mark", "--remove", "--set")
    printed = json.loads("\n".join(lines_of(capsys, "mark", "--json")))
    assert printed == {"database": migrated.name, "mark": made}
    lines = lines_of(capsys, "mark", "--remove", "--database", migrated.name)
    assert lines[0].startswith(f"The database {migrated.name} on ")
    assert lines[1:] == ["There is no mark."]


def test_who_removes_the_mark_is_in_the_audit_log(migrated: OwnDatabase, settings: Settings) -> None:
    settings.ENVIRONMENT = "production"
    made = set_mark()
    call_command("db", "mark", "--remove", "--database", migrated.name)
    call_command("db", "mark", "--remove", "--database", migrated.name)  # and once only
    [event] = AuditEvent.objects.all()
    assert (event.action, event.actor_kind) == ("database_mark.removed", "cli")
    assert event.actor_label == Actor.cli().label
    assert (event.target_type, event.target_label) == ("database", migrated.name)
    assert event.changes == {"mark": [made, None]}
    assert action_in_words(event.action) == "Production mark removed from the database"
    assert [change.label for change in changes_in_words(event)] == ["mark"]


@pytest.mark.slow
def test_the_mark_goes_where_there_is_no_audit_log(migrated: OwnDatabase) -> None:
    set_mark()
    call_command("db", "downgrade", "base", "--yes")
    remove_mark(by=Actor.cli())
    assert mark() is None


@pytest.mark.slow
def test_the_name_is_typed_on_a_terminal_to_remove_it(migrated: OwnDatabase) -> None:
    set_mark()
    status, said = migrated.type("keystone", "db", "mark", "--remove")
    assert (status, f"That is not {migrated.name}." in said) == (1, True)
    assert mark() is not None
    status, said = migrated.type(migrated.name, "db", "mark", "--remove")
    assert (status, mark()) == (0, None), said
