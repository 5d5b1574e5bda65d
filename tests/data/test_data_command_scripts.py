"""`manage.py data script`."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.management import CommandError
from django.db import OperationalError

from keystone.data.models import DataRun, Kind, State
from keystone.data.recording import exclusive
from keystone.data.registry import script
from keystone.exceptions import Refusal
from tests.data.commanding import offered, refusal, said

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning"),
]
Said = pytest.CaptureFixture[str]


@pytest.fixture
def tidied(declared_alone: None) -> list[tuple[Path | None, Path | None]]:
    """What the script `tidy` was given, each time that it ran."""
    given = []

    @script("tidy", atomic=False)
    def tidy(*, source: Path | None, output: Path | None) -> dict[str, int]:
        """Tidies up."""
        given.append((source, output))
        return {"read": 5, "written": 3}

    @script("nothing", description="Does nothing.")
    def nothing(*, source: Path | None, output: Path | None) -> None:
        pass

    return given


def failing(error: Exception) -> None:
    @script("failing")
    def failing(*, source: Path | None, output: Path | None) -> None:
        Group.objects.create(name="Half")
        raise error


def test_they_are_listed(tidied: Any, capsys: Said) -> None:
    assert said(capsys, "script", "list").splitlines() == [
        "Name     What it does   Atomic",
        "nothing  Does nothing.  yes",
        "tidy     Tidies up.     no",
    ]
    assert json.loads(said(capsys, "script", "list", "--json")) == {
        "scripts": [
            {"name": "nothing", "description": "Does nothing.", "atomic": True},
            {"name": "tidy", "description": "Tidies up.", "atomic": False},
        ]
    }


def test_it_is_said_that_there_is_none(declared_alone: None, capsys: Said) -> None:
    assert said(capsys, "script", "list") == "No app declares a script.\n"
    assert refusal("script", "run", "tidy") == "There is no script called tidy. Known: -."


def test_a_script_is_given_its_paths_and_tells_its_rows(tidied: list[Any], capsys: Said, tmp_path: Path) -> None:
    assert said(capsys, "script", "run", "tidy") == "tidy is done; rows: 5 read, 3 written.\n"
    source, output = tmp_path / "in", tmp_path / "out.csv"
    told = json.loads(said(capsys, "script", "run", "tidy", "--src", str(source), "--output", str(output), "--json"))
    assert tidied == [(None, None), (source, output)]
    run = DataRun.objects.get(pk=told["run"])
    assert run.options == {"source": str(source), "output": str(output)}
    assert (told["kind"], told["name"], told["state"]) == ("script", "tidy", "succeeded")
    assert (told["read"], told["written"], told["unchanged"], told["refused"]) == (5, 3, 0, 0)
    assert said(capsys, "script", "run", "nothing") == "nothing is done; no rows counted.\n"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (Refusal("The shop\nis closed."), "The shop is closed."),
        (ValidationError(["No colour.", "No size."]), "No colour. No size."),
        (CommandError("The other command says no."), "The other command says no."),
        (
            OperationalError("server closed\n the connection"),
            "Database error: server closed the connection",
        ),
    ],
    ids=["refusal", "validation", "command", "database"],
)
def test_what_is_refused_is_said_in_a_line(
    declared_alone: None, caplog: pytest.LogCaptureFixture, error: Exception, text: str
) -> None:
    failing(error)
    assert refusal("script", "run", "failing") == text
    assert [record for record in caplog.records if record.name == "keystone.data"] == []
    assert not Group.objects.filter(name="Half").exists()
    assert DataRun.objects.get().state == State.FAILED


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ZeroDivisionError("division\nby \x1b[2Jzero"), "ZeroDivisionError: division by  [2Jzero"),
        (RuntimeError(), "RuntimeError"),
    ],
)
def test_whatever_else_is_raised_is_said_in_a_line_and_traced_in_the_log(
    declared_alone: None, caplog: pytest.LogCaptureFixture, error: Exception, text: str
) -> None:
    failing(error)
    assert refusal("script", "run", "failing") == f"The script failing failed: {text}"
    [record] = [record for record in caplog.records if record.name == "keystone.data"]
    assert (record.levelno, record.getMessage()) == (logging.ERROR, "the script failing failed")
    assert record.exc_info is not None
    assert record.exc_info[1] is error
    assert not Group.objects.filter(name="Half").exists()


def test_it_is_refused_while_it_runs(tidied: list[Any]) -> None:
    with exclusive(Kind.SCRIPT, "tidy"):
        assert refusal("script", "run", "tidy") == "The script tidy is already running. Try again when it has finished."
    assert tidied == []
    assert refusal("script", "run", "tidi") == "There is no script called tidi. Known: nothing, tidy."


def test_names_are_offered(tidied: Any, capsys: Said) -> None:
    assert offered(capsys, "data script run ") == ["tidy", "nothing"]
    assert offered(capsys, "data script run n") == ["nothing"]
