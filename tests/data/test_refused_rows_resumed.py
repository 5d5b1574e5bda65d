"""The file of refused rows of an import that stopped, and of the one that goes on with it."""

import os
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from keystone.data.models import DataRun, State
from keystone.data.refused_rows import RefusedRows, RefusedRowsExist
from keystone.data.registry import importer
from keystone.data.rows import Row
from tests.data.library import BookResource, Write, books, run

IN_TYPER = pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning")


class Stops(BookResource):
    """Stops at a title, as Ctrl-C does."""

    stops = True

    def before_import_row(self, row: Any, **kwargs: Any) -> None:
        if row["title"] == "Title 7" and Stops.stops:
            raise KeyboardInterrupt


@pytest.fixture
def file(library: None, write: Write) -> Path:
    """Ten rows, of which the second, the eighth and the ninth are refused; it stops at the seventh."""
    importer("stops")(Stops)
    rows = [[str(number), f"Title {number}", number] for number in range(1, 11)]
    for number in (2, 8, 9):
        rows[number - 1][2] = "many"
    return write(*rows)


def numbers(path: Path) -> list[str]:
    """The numbers of the rows that a file of refused rows has."""
    return [line.partition(",")[0] for line in path.read_text(encoding="utf-8-sig").splitlines()[1:]]


def test_a_refused_row_is_in_the_file_before_its_chunk_is_written(library: None, write: Write) -> None:
    found: list[list[str]] = []

    class Looks(BookResource):
        def before_import_row(self, row: Any, **kwargs: Any) -> None:
            [kept] = DataRun.objects.all()
            if kept.refused_file:
                found.append(numbers(Path(kept.refused_file)))

    importer("looks")(Looks)
    rows = [[str(number), f"Title {number}", number] for number in range(1, 7)]
    rows[1][2] = "many"
    run(write(*rows), name="looks", partial=True, chunk=5)
    assert found == [["3"]]


@pytest.mark.parametrize("chosen", [None, "chosen.csv"])
def test_a_resumed_import_has_all_refused_rows_in_one_file(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: str | None
) -> None:
    path = None if chosen is None else tmp_path / chosen
    with pytest.raises(KeyboardInterrupt):
        run(file, name="stops", partial=True, chunk=3, refused=path)
    [kept] = DataRun.objects.all()
    refused = Path(kept.refused_file)
    assert numbers(refused) == ["3"]
    with refused.open("a", encoding="utf-8") as half:  # as a killed process leaves it
        half.write("9,Enter a wh")
    monkeypatch.setattr(Stops, "stops", False)
    outcome = run(file, name="stops", partial=True, resume=True, refused=path)
    assert (outcome.refused_file, outcome.counts.refused) == (refused, 3)
    assert numbers(refused) == ["3", "9", "10"]
    assert [one.name for one in tmp_path.iterdir() if "refused" in one.name or one.name == chosen] == [refused.name]


@IN_TYPER
def test_a_file_whose_name_is_no_utf_8_is_imported_and_gone_on_with(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = file.rename(tmp_path / os.fsdecode(b"M\xfcller.csv"))
    with pytest.raises(KeyboardInterrupt):
        run(named, name="stops", partial=True, chunk=3)
    [kept] = DataRun.objects.all()
    assert kept.options["file"] == f"{tmp_path}/M\\xfcller.csv"
    assert kept.refused_file == f"{tmp_path}/M\\xfcller.refused-{kept.pk}.csv"
    monkeypatch.setattr(Stops, "stops", False)
    outcome = run(named, name="stops", partial=True, resume=True)
    assert outcome.refused_file == tmp_path / os.fsdecode(b"M\xfcller.refused-%d.csv" % kept.pk)
    assert numbers(outcome.refused_file) == ["3", "9", "10"]
    missing = tmp_path / os.fsdecode(b"\xff.csv")
    with pytest.raises(CommandError, match=r"\\xff\.csv: There is no such file\.$"):
        call_command("data", "importer", "run", "stops", "-f", str(missing))


@pytest.mark.parametrize("is_gone", [True, False])
def test_a_file_that_is_gone_or_another_now_is_left_alone(
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    is_gone: bool,
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(file, name="stops", partial=True, chunk=3)
    refused = Path(DataRun.objects.get().refused_file)
    refused.unlink() if is_gone else refused.write_text("mine")
    monkeypatch.setattr(Stops, "stops", False)
    outcome = run(file, name="stops", partial=True, resume=True)
    assert outcome.refused_file is not None
    assert numbers(outcome.refused_file) == ["9", "10"]
    assert DataRun.objects.get().refused_file == str(outcome.refused_file)
    assert is_gone or refused.read_text() == "mine"


def test_another_file_of_the_name_is_not_written_over(tmp_path: Path) -> None:
    earlier, other = tmp_path / "earlier.csv", tmp_path / "other.csv"
    with RefusedRows(earlier, ["a"]) as refused:
        refused.add(Row(2, {"a": "x"}), "Why.")
    other.write_text("mine")
    with RefusedRows(other, ["a"]) as refused, pytest.raises(RefusedRowsExist):
        refused.take_over(earlier, until=2)
    assert other.read_text() == "mine"


@IN_TYPER
@pytest.mark.parametrize(
    ("options", "left"),
    [
        ([], "Nothing was written."),
        (["--dry-run", "--partial"], "Nothing was written."),
        (["--partial"], "What it wrote is kept. Continue with --partial --resume, or start over with --restart."),
    ],
)
def test_an_import_that_is_stopped_says_so(file: Path, options: list[str], left: str) -> None:
    with pytest.raises(CommandError) as raised:
        call_command("data", "importer", "run", "stops", "--file", str(file), *options)
    assert str(raised.value) == f"The importer stops was stopped. {left}"
    assert raised.value.returncode == 130
    assert DataRun.objects.get().state == State.INTERRUPTED
    assert books() == []
