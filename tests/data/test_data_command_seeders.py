"""`manage.py data seeder`."""

import json
import logging
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from pytest_django import Settings

from keystone.data.models import DataRun, Kind, State
from keystone.data.recording import exclusive
from keystone.data.registry import seeder
from tests.data.commanding import offered, refusal, said

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning"),
]
Said = pytest.CaptureFixture[str]


def as_json(capsys: Said, *arguments: str) -> Any:
    return json.loads(said(capsys, *arguments, "--json"))


@pytest.fixture
def teams(declared_alone: None) -> None:
    """Members, which come after their teams."""

    @seeder("members", after=["teams"], description="People in teams.")
    def members(*, count: int) -> int:
        return count * Group.objects.filter(name__startswith="Team ").count()

    @seeder("teams", on_servers=True)
    def teams(*, count: int) -> int:
        """Teams of nobody yet."""
        return len(Group.objects.bulk_create(Group(name=f"Team {number}") for number in range(count)))


def fail_from(name: str, error: Exception) -> None:
    @seeder(name)
    def failing(*, count: int) -> int:
        Group.objects.create(name="Team of a failure")
        raise error


def test_they_are_listed_in_the_order_in_which_they_run(teams: None, capsys: Said) -> None:
    assert said(capsys, "seeder", "list").splitlines() == [
        "Name     What it creates       After  On servers",
        "teams    Teams of nobody yet.         yes",
        "members  People in teams.      teams  no",
    ]
    assert as_json(capsys, "seeder", "list") == {
        "seeders": [
            {"name": "teams", "description": "Teams of nobody yet.", "after": [], "on_servers": True},
            {"name": "members", "description": "People in teams.", "after": ["teams"], "on_servers": False},
        ]
    }


def test_it_is_said_that_there_is_none(declared_alone: None, capsys: Said) -> None:
    assert said(capsys, "seeder", "list") == "No app declares a seeder.\n"
    assert said(capsys, "seeder", "run-all") == "No app declares a seeder.\n"
    assert as_json(capsys, "seeder", "run-all") == {"seeders": []}


@pytest.mark.parametrize(("arguments", "made"), [([], 10), (["--count", "3"], 3), (["-c", "1"], 1)])
def test_a_seeder_makes_as_many_rows_as_are_wanted(teams: None, capsys: Said, arguments: list[str], made: int) -> None:
    before = Group.objects.count()
    assert (
        said(capsys, "seeder", "run", "teams", *arguments) == f"teams: created {made} row{'' if made == 1 else 's'}.\n"
    )
    assert Group.objects.count() == before + made
    run = DataRun.objects.get()
    assert (run.kind, run.name, run.state, run.rows_written) == (Kind.SEEDER, "teams", State.SUCCEEDED, made)


def test_a_run_is_told_as_json(teams: None, capsys: Said) -> None:
    told = as_json(capsys, "seeder", "run", "teams", "-c", "2")
    run = DataRun.objects.get()
    assert {**told, "started_at": "", "finished_at": ""} == {
        "run": run.pk,
        "kind": "seeder",
        "name": "teams",
        "state": "succeeded",
        "started_at": "",
        "finished_at": "",
        "read": 0,
        "written": 2,
        "unchanged": 0,
        "refused": 0,
    }
    assert told["started_at"] <= told["finished_at"]


def test_all_run_in_their_order_and_each_is_said_as_it_ends(teams: None, capsys: Said) -> None:
    assert said(capsys, "seeder", "run-all", "--count", "2") == "teams: created 2 rows.\nmembers: created 4 rows.\n"
    Group.objects.filter(name__startswith="Team ").delete()
    told = as_json(capsys, "seeder", "run-all", "-c", "1")["seeders"]
    assert [(one["name"], one["written"]) for one in told] == [("teams", 1), ("members", 1)]


def test_of_all_those_before_one_that_fails_stay(teams: None, capsys: Said, caplog: pytest.LogCaptureFixture) -> None:
    fail_from("unlucky", KeyError("no luck"))
    assert refusal("seeder", "run-all", "-c", "1") == "The seeder unlucky failed: KeyError: 'no luck'"
    assert capsys.readouterr().out == "teams: created 1 row.\nmembers: created 1 row.\n"
    assert Group.objects.filter(name="Team 0").exists()
    assert not Group.objects.filter(name="Team of a failure").exists()
    Group.objects.filter(name__startswith="Team ").delete()
    assert refusal("seeder", "run-all", "-c", "1", "--json") == "The seeder unlucky failed: KeyError: 'no luck'"
    told = json.loads(capsys.readouterr().out)["seeders"]
    assert [one["name"] for one in told] == ["teams", "members"]
    traced = [record for record in caplog.records if record.name == "keystone.data"]
    assert [(record.levelno, record.getMessage()) for record in traced] == [
        (logging.ERROR, "the seeder unlucky failed")
    ] * 2
    assert all(record.exc_info and record.exc_info[0] is KeyError for record in traced)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["run", "teems"], "There is no seeder called teems. Known: members, teams."),
        (["run", "teams", "--count", "0"], "0 is not in the range x>=1."),
        (["run-all", "--count", "many"], "'many' is not a valid int range."),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(teams: None, arguments: list[str], error: str) -> None:
    assert error in refusal("seeder", *arguments)
    assert not DataRun.objects.exists()


def test_on_servers_nothing_is_made_up(teams: None, settings: Settings) -> None:
    settings.ENVIRONMENT = "production"
    text = "The seeder members creates made-up data. It does not run in production."
    assert refusal("seeder", "run", "members") == text
    assert refusal("seeder", "run-all") == text
    assert not DataRun.objects.exists()
    call_command("data", "seeder", "run", "teams")


def test_it_is_refused_while_it_runs(teams: None) -> None:
    with exclusive(Kind.SEEDER, "teams"):
        text = "The seeder teams is already running. Try again when it has finished."
        assert refusal("seeder", "run", "teams") == text
        assert refusal("seeder", "run-all") == text


def test_a_seeder_that_does_not_count_is_told(declared_alone: None) -> None:
    seeder("silent")(_silent)  # type: ignore[type-var]  # what is told
    assert refusal("seeder", "run", "silent") == f"{__name__}._silent must return how many rows it created."


def _silent(*, count: int) -> None:
    pass


def test_names_are_offered(teams: None, capsys: Said) -> None:
    assert offered(capsys, "data seeder run ") == ["teams", "members"]
    assert offered(capsys, "data seeder run mem") == ["members"]


def test_a_wrong_declaration_is_told_and_offers_nothing(teams: None, capsys: Said) -> None:
    seeder("broken", after=["nowhere"])(_silent)  # type: ignore[type-var]  # it is never called
    assert (
        refusal("seeder", "list")
        == refusal("seeder", "run-all")
        == "seeders: 'broken' is after 'nowhere', which is not there."
    )
    assert offered(capsys, "data seeder run ") == []
