"""`manage.py db reset`: what it refuses first."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from keystone.database import resetting
from keystone.database.emptying import refuse_others
from keystone.database.locking import MIGRATING
from keystone.database.mark import mark, set_mark
from keystone.database.migrating import upgrade
from keystone.database.resetting import Marked, reset
from tests.database.own_database import LABEL, OwnDatabase, lines_of, made_by

pytestmark = pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning")

Said = pytest.CaptureFixture[str]
Trial = Callable[..., None]

PRODUCTION = {
    "ENVIRONMENT": "production",
    "DJANGO_SETTINGS_MODULE": "config.settings.production",
    "SECRET_KEY": "k8Jd-2mQx_7Zt0Wc4Vb9Ny6Lp3Rf1Hs5Gu8Ae-XoKiTqEwDzSj",
    "ALLOWED_HOSTS": "keystone.example.com",
    "PUBLIC_URL": "https://keystone.example.com",
    "EMAILS_FROM_EMAIL": "no-reply@keystone.test",
}
EVERY_OPTION = ["--force", "--override-production", "--disconnect"]


@contextmanager
def untouched(own: OwnDatabase) -> Iterator[None]:
    """What happens in the block leaves the data."""
    own.run("CREATE TABLE kept AS SELECT 1 AS id")
    yield
    assert own.rows("SELECT id FROM kept") == [(1,)]
    assert own.applied("project") == ["0001_initial"]


def said_to_nobody(_line: str) -> None:
    """Take what a reset tells."""


def test_a_marked_database_is_not_reset_whatever_is_said(migrated: OwnDatabase, settings: Settings) -> None:
    settings.ENVIRONMENT = "production"
    made = set_mark()
    with untouched(migrated):
        for environment in ("local", "testing", "staging", "production"):
            settings.ENVIRONMENT = environment
            with pytest.raises(CommandError) as raised:
                call_command("db", "reset", "--database", migrated.name, *EVERY_OPTION)
            assert str(raised.value) == (
                f"This database is marked: {made}. It cannot be reset by any option. If it is a copy that can be lost, "
                "remove the mark first: db mark --remove."
            )


def test_a_server_s_environment_does_not_reset(migrated: OwnDatabase, settings: Settings) -> None:
    with untouched(migrated):
        for environment in ("staging", "production"):
            settings.ENVIRONMENT = environment
            for more in ([], ["--force"], ["--disconnect"]):
                with pytest.raises(CommandError) as raised:
                    call_command("db", "reset", "--database", migrated.name, *more)
                assert str(raised.value) == (
                    f"This environment is {environment}. Its database can be reset only with --override-production."
                )


def test_a_mark_that_comes_while_somebody_is_asked_counts(
    migrated: OwnDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resetting, "refuse", lambda **_options: set_mark())  # what a server's upgrade does meanwhile
    with untouched(migrated), pytest.raises(Marked):
        reset(said=said_to_nobody)


def test_without_a_terminal_the_name_has_to_be_given(migrated: OwnDatabase, capsys: Said) -> None:
    with untouched(migrated), pytest.raises(CommandError) as raised:
        call_command("db", "reset")
    assert str(raised.value) == (
        f"This command asks a question, and there is no terminal to answer on. Use --database {migrated.name}."
    )
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith(f"Everything in the database {migrated.name} on ")


def test_another_name_is_refused(migrated: OwnDatabase) -> None:
    with untouched(migrated):
        for more in ([], ["--force"]):
            with pytest.raises(CommandError) as raised:
                call_command("db", "reset", "--database", "keystone", *more)
            assert str(raised.value) == f"That is not {migrated.name}. Nothing was changed."


@pytest.mark.slow
def test_another_name_that_is_typed_is_refused(migrated: OwnDatabase) -> None:
    with untouched(migrated):
        status, said = migrated.type("keystone", "db", "reset")
    assert status == 1
    assert f"That is not {migrated.name}. Nothing was changed." in said


def test_force_is_not_for_servers(migrated: OwnDatabase, settings: Settings) -> None:
    settings.ENVIRONMENT = "production"
    with untouched(migrated), pytest.raises(CommandError, match="--force is for the local environment and a database"):
        call_command("db", "reset", *EVERY_OPTION)


@pytest.mark.parametrize(
    ("host", "hostaddr", "server", "is_here"),
    [
        ("/run/postgresql", "", "/run/postgresql", True),
        ("127.0.0.1", "", "127.0.0.1:5432", True),
        ("localhost", "127.0.0.1", "localhost:5432", True),
        ("::1", "", "::1:5432", True),
        ("db.example.com", "", "db.example.com:5432", False),
        ("localhost", "192.0.2.7", "localhost:5432", False),
        ("localhost.example.com", "", "localhost.example.com:5432", False),
    ],
)
def test_a_server_is_here_by_its_address_only(host: str, hostaddr: str, server: str, is_here: bool) -> None:
    place = resetting.placed("keystone", host=host, address=hostaddr, port=5432)
    assert (place.server, place.is_here) == (server, is_here)


def test_others_that_are_connected_stop_it(migrated: OwnDatabase) -> None:
    with untouched(migrated), migrated.connect() as somebody:
        pid = somebody.info.backend_pid
        with pytest.raises(CommandError) as raised:
            call_command("db", "reset", "--database", migrated.name)
        assert str(raised.value) == (
            f"Others are connected to this database: process {pid} (somebody). Stop them, or end their connections"
            " with --disconnect."
        )
        assert somebody.execute("SELECT 1").fetchone() == (1,)


def test_accounts_with_known_passwords_are_for_the_local_environment(migrated: OwnDatabase) -> None:
    with untouched(migrated), pytest.raises(CommandError, match="This command is for development"):
        call_command("db", "reset", "--seed", "--database", migrated.name)


def test_migrations_that_contradict_each_other_stop_it(migrated: OwnDatabase, trial: Trial) -> None:
    trial(**{"0001_a": made_by("a"), "0001_b": made_by("b")})
    with untouched(migrated), pytest.raises(CommandError, match="A branch has more than one latest migration"):
        call_command("db", "reset", "--database", migrated.name)


def test_what_cannot_be_dropped_leaves_everything(migrated: OwnDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that somebody holds: the drop is one transaction."""
    with untouched(migrated), migrated.connect() as somebody:
        somebody.execute("BEGIN")
        somebody.execute("SELECT * FROM keystone_user")
        before = migrated.tables()
        monkeypatch.setattr(resetting, "refuse_others", lambda **_options: None)  # they came after the look
        with pytest.raises(CommandError, match="Nothing was dropped: canceling statement due to lock timeout"):
            call_command("db", "reset", "--force", "--lock-timeout", "0.3")
        assert migrated.tables() == before


@pytest.mark.slow
def test_a_migration_that_fails_leaves_what_upgrade_can_end(migrated: OwnDatabase, trial: Trial) -> None:
    trial(**{"0001_a": made_by("a"), "0002_b": made_by("b", after="0001_a", more="INSERT INTO nowhere VALUES (1)")})
    with pytest.raises(CommandError) as raised:
        call_command("db", "reset", "--database", migrated.name)
    said = str(raised.value)
    assert said.startswith(
        "Everything was dropped, but migrating failed. Run db upgrade when the cause is fixed. messages.0002_b failed:"
    )
    assert "All of its changes were rolled back. Completed before it: " in said
    assert migrated.applied(LABEL) == ["0001_a"]
    trial(**{"0001_a": made_by("a"), "0002_b": made_by("b", after="0001_a")})
    assert "messages.0002_b" in upgrade()
    assert migrated.applied("project") == ["0001_initial"]


def test_reset_makes_everything_anew(migrated: OwnDatabase, capsys: Said) -> None:
    before = migrated.tables()
    migrated.run(
        "CREATE TABLE added (id serial, other int GENERATED ALWAYS AS IDENTITY); INSERT INTO added DEFAULT VALUES;"
        "CREATE VIEW seen AS SELECT * FROM added; CREATE MATERIALIZED VIEW kept AS SELECT * FROM added;"
        "CREATE SEQUENCE counted; CREATE TYPE mood AS ENUM ('good'); CREATE TYPE pair AS (a int, b int);"
        "CREATE DOMAIN short AS text; CREATE TYPE span AS RANGE (subtype = int);"
        "CREATE FUNCTION one(a int) RETURNS int LANGUAGE sql AS 'SELECT 1';"
        "CREATE PROCEDURE nothing() LANGUAGE sql AS 'SELECT 1';"
        "CREATE AGGREGATE total(int) (sfunc = int4pl, stype = int);"
        "CREATE TABLE parted (id int) PARTITION BY LIST (id); CREATE TABLE part PARTITION OF parted FOR VALUES IN (1);"
        "CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.kept AS SELECT 1 AS id;"
        "INSERT INTO django_session VALUES ('k', '', now())"
    )
    lines = lines_of(capsys, "reset", "--database", migrated.name)
    assert lines[0].startswith(f"Everything in the database {migrated.name} on ")
    assert lines[1] == f"Dropped: {len(before) + 5} tables and views"
    assert lines[2].startswith("Applied: contenttypes.0001_initial (")
    assert lines[-1] == f"{migrated.name} has been recreated."
    assert migrated.tables() == before
    assert migrated.rows("SELECT count(*) FROM django_session") == [(0,)]
    left = "SELECT typname FROM pg_type WHERE typname IN ('mood', 'pair', 'short', 'span')"
    assert migrated.rows(left) == []
    assert migrated.rows("SELECT proname FROM pg_proc WHERE proname IN ('one', 'nothing', 'total')") == []
    assert migrated.rows("SELECT sequencename FROM pg_sequences WHERE sequencename = 'counted'") == []
    assert migrated.rows("SELECT id FROM elsewhere.kept") == [(1,)]
    assert migrated.rows("SELECT count(*) FROM auth_permission WHERE codename = 'approve_user'") == [(1,)]


@pytest.mark.slow
def test_reset_leaves_what_an_extension_brought(migrated: OwnDatabase) -> None:
    if not migrated.rows("SELECT 1 FROM pg_available_extensions WHERE name = 'citext'"):
        pytest.skip("This server has no extension to try.")
    migrated.run("CREATE EXTENSION citext")
    reset(said=said_to_nobody)
    assert migrated.rows("SELECT 'A'::citext = 'a'") == [(True,)]


@pytest.mark.slow
def test_reset_is_told_to_machines(migrated: OwnDatabase, capsys: Said) -> None:
    printed = json.loads("\n".join(lines_of(capsys, "reset", "--force", "--json")))
    assert (printed["database"], printed["people"]) == (migrated.name, 0)
    assert "project.0001_initial" in printed["applied"]


@pytest.mark.slow
def test_reset_mends_a_history_that_contradicts_itself(migrated: OwnDatabase) -> None:
    migrated.run("DELETE FROM django_migrations WHERE app = 'keystone' AND name LIKE '0001%'")
    assert "keystone.0001_initial" in reset(said=said_to_nobody)


@pytest.mark.slow
def test_reset_ends_the_connections_of_others_when_told_to(migrated: OwnDatabase) -> None:
    with migrated.connect() as somebody:
        somebody.execute("BEGIN")
        somebody.execute("SELECT * FROM keystone_user")
        call_command("db", "reset", "--force", "--disconnect")
        with pytest.raises(Exception, match="terminating connection due to administrator command"):
            somebody.execute("SELECT 1")
    refuse_others()  # nobody is left


@pytest.mark.slow
def test_reset_waits_for_an_upgrade(migrated: OwnDatabase) -> None:
    with migrated.connect() as somebody:
        somebody.execute("SELECT pg_advisory_lock(%s)", [MIGRATING])
        end = threading.Timer(1.0, somebody.close)
        said: list[str] = []
        end.start()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(resetting, "refuse", lambda **_options: None)  # it came after the look
            begun = time.monotonic()
            reset(said=said.append)
        end.join()
    assert time.monotonic() - begun >= 0.9
    assert said[0] == "Another process is migrating this database. Waiting until it has finished."


@pytest.mark.slow
def test_the_name_is_typed_on_a_terminal(migrated: OwnDatabase) -> None:
    migrated.run("CREATE TABLE added (id int)")
    status, said = migrated.type(migrated.name, "db", "reset")
    assert status == 0, said
    assert "added" not in migrated.tables()


@pytest.mark.slow
def test_override_resets_a_server_s_database_by_name_and_marks_it(migrated: OwnDatabase) -> None:
    migrated.run("CREATE TABLE added (id int)")
    arguments = ["db", "reset", "--database", migrated.name]
    status, said = migrated.manage(*arguments, **PRODUCTION)
    assert (
        status,
        "Its database can be reset only with --override-production." in said,
        "added" in migrated.tables(),
    ) == (1, True, True), said
    status, said = migrated.manage(*arguments, "--override-production", **PRODUCTION)
    assert (status, "added" in migrated.tables()) == (0, False), said
    assert str(mark()).startswith("production since ")
    status, said = migrated.manage(*arguments, "--override-production", **PRODUCTION)
    assert (status, "This database is marked: production since" in said) == (1, True), said


@pytest.mark.slow
def test_seed_makes_the_development_accounts(migrated: OwnDatabase, tmp_path: Path) -> None:
    local = {
        "ENVIRONMENT": "local",
        "DJANGO_SETTINGS_MODULE": "config.settings.local",
        "DATA_DIR": str(tmp_path),
        "SMTP_HOST": "",
    }
    status, said = migrated.manage("db", "reset", "--seed", "-f", **local)
    assert status == 0, said
    assert said.endswith("Created 43 sample people.\n")
    [(people,)] = migrated.rows("SELECT count(*) FROM keystone_user")
    assert people == 44
    found = migrated.rows("SELECT is_superuser FROM keystone_user WHERE email = 'admin@example.com'")
    assert found == [(True,)]
