"""`manage.py data importer run`: what it says of what it did."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group

from keystone.data.models import DataRun, Kind, State
from keystone.management.data.outcomes import LONGEST, _plain, _short
from tests.accounts.typed import Terminal
from tests.data.commanding import WriteLines, refusal, said, titles
from tests.data.library import Author, Book
from tests.served.server import process_environment

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning"),
]
Said = pytest.CaptureFixture[str]
PARTLY = 3


def test_a_dry_run_shows_what_would_change_and_changes_nothing(shop: None, capsys: Said, mixed: Path) -> None:
    assert refusal("importer", "run", "books", "--file", mixed, "--dry-run") == "2 rows would be refused."
    run = DataRun.objects.get()
    assert (run.is_trial, run.state) == (True, State.SUCCEEDED)
    told = capsys.readouterr()
    assert told.out.splitlines() == [
        "Row  What     Values",
        "  3  changed  title: Two → Zwei; pages: 20 → 22",
        "  4  new      isbn: 3; title: Three",
        "Row  Refused because",
        "  5  pages: “many” is not a number.",
        "  6  Row 4 has the same isbn.",
        "5 read: 1 would be new, 1 changed, 1 unchanged, 2 refused.",
        f"The refused rows are in {run.refused_file}, with the reasons.",
    ]
    assert told.err == ""
    assert titles() == {"1": "One", "2": "Two"}


def test_a_dry_run_without_refused_rows_succeeds(shop: None, capsys: Said, lines: WriteLines) -> None:
    path = lines("isbn,title", "1,One", "2,Two")
    assert said(capsys, "importer", "run", "books", "-f", path, "--dry-run") == (
        "2 read: 0 would be new, 0 changed, 2 unchanged, 0 refused.\n"
    )


def test_long_and_empty_values_and_other_rows_are_shown(shop: None, capsys: Said, lines: WriteLines) -> None:
    Book.objects.filter(isbn="1").update(author=Author.objects.create(name="A" * 40 + "B" * 10))
    path = lines("isbn,title,author", "1,One,")
    assert said(capsys, "importer", "run", "books", "-f", path, "--dry-run").splitlines()[1] == (
        f"  2  changed  author: {'A' * 40}{'B' * 10} → “”"
    )
    told = json.loads(said(capsys, "importer", "run", "books", "-f", path, "--dry-run", "--json"))
    assert told["changes"][0]["values"] == {"author": {"before": "A" * 40 + "B" * 10, "after": None}}
    assert _short("a" * LONGEST) == "a" * LONGEST
    assert _short("a" * (LONGEST + 1)) == f"{'a' * (LONGEST - 1)}…"


def test_what_is_not_listed_is_counted(shop: None, capsys: Said, lines: WriteLines) -> None:
    path = lines("isbn,title,pages", "1,Eins,", "2,Zwei,", "3,Three,many", "4,Four,few")
    refusal("importer", "run", "books", "-f", path, "--dry-run", "--show", "1")
    told = capsys.readouterr()
    assert told.err == "1 more row is not listed; --show lists more.\n" * 2
    assert told.out.splitlines()[:4] == [
        "Row  What     Values",
        "  2  changed  title: One → Eins; pages: 10 → “”",
        "Row  Refused because",
        "  4  pages: “many” is not a number.",
    ]
    refusal("importer", "run", "books", "-f", path, "--show", "0")
    assert capsys.readouterr().err == "2 more rows are not listed; --show lists more.\n"


def test_an_import_says_in_a_line_what_it_did(shop: None, capsys: Said, lines: WriteLines) -> None:
    path = lines("isbn,title,pages", "1,One,10", "2,Zwei,22", "3,Three,")
    assert said(capsys, "importer", "run", "books", "-f", path) == "3 read: 1 new, 1 changed, 1 unchanged, 0 refused.\n"
    assert titles() == {"1": "One", "2": "Zwei", "3": "Three"}
    run = DataRun.objects.get()
    assert (run.kind, run.name, run.state, run.rows_written) == (Kind.IMPORTER, "books", State.SUCCEEDED, 2)


def test_refused_rows_stop_all_of_it(shop: None, capsys: Said, mixed: Path, tmp_path: Path) -> None:
    refused = tmp_path / "to mend.csv"
    assert refusal("importer", "run", "books", "-f", mixed, "--refused", refused) == (
        f"2 of 5 rows were refused, so nothing was written. They are in {refused}, with the reasons."
    )
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines() == ["row 5: pages: “many” is not a number.", "row 6: Row 4 has the same isbn."]
    assert refused.read_text(encoding="utf-8-sig").splitlines()[0] == "row,reason,isbn,title,pages"
    assert titles() == {"1": "One", "2": "Two"}


def test_in_part_the_others_are_written_and_the_exit_status_is_its_own(shop: None, capsys: Said, mixed: Path) -> None:
    text = "2 rows were refused; the others are imported."
    assert refusal("importer", "run", "books", "-f", mixed, "--partial", status=PARTLY) == text
    told = capsys.readouterr()
    assert told.out.splitlines() == [
        "5 read: 1 new, 1 changed, 1 unchanged, 2 refused.",
        f"The refused rows are in {DataRun.objects.get().refused_file}, with the reasons.",
    ]
    assert told.err.splitlines() == ["row 5: pages: “many” is not a number.", "row 6: Row 4 has the same isbn."]
    assert titles() == {"1": "One", "2": "Zwei", "3": "Three"}


def test_outcomes_are_told_as_json(shop: None, capsys: Said, mixed: Path) -> None:
    def told() -> Any:
        data = json.loads(capsys.readouterr().out)
        assert data["refused_file"] == DataRun.objects.get(pk=data["run"]).refused_file
        return {
            name: value for name, value in data.items() if name not in {"run", "refused_file"} and "_at" not in name
        }

    refusals = [
        {"row": 5, "reason": "pages: “many” is not a number."},
        {"row": 6, "reason": "Row 4 has the same isbn."},
    ]
    changes = [
        {
            "row": 3,
            "is_new": False,
            "values": {"title": {"before": "Two", "after": "Zwei"}, "pages": {"before": 20, "after": 22}},
        },
        {
            "row": 4,
            "is_new": True,
            "values": {"isbn": {"before": None, "after": "3"}, "title": {"before": None, "after": "Three"}},
        },
    ]
    counted = {"kind": "importer", "name": "books", "read": 5, "refused": 2, "emptied": 0, "skipped_empty": 0}
    refusal("importer", "run", "books", "-f", mixed, "--dry-run", "--json")
    written = {"written": 2, "unchanged": 1, "created": 1, "state": "succeeded"}
    assert told() == {**counted, **written, "trial": True, "changes": changes, "refusals": refusals}
    refusal("importer", "run", "books", "-f", mixed, "--json")
    nothing = {"written": 0, "unchanged": 0, "created": 0, "state": "failed"}
    assert told() == {**counted, **nothing, "trial": False, "changes": [], "refusals": refusals}
    refusal("importer", "run", "books", "-f", mixed, "--partial", "--json", status=PARTLY)
    assert told() == {**counted, **written, "trial": False, "changes": changes, "refusals": refusals}


def test_values_that_json_has_not_are_told_as_text(shop: None) -> None:
    values = [None, True, 1, "a", Decimal("1.5"), date(2026, 1, 2)]
    assert [_plain(value) for value in values] == values
    assert _plain(Author(name="Ann")) == "Ann"


def test_the_table_is_emptied_only_when_that_is_confirmed(shop: None, capsys: Said, lines: WriteLines) -> None:
    path = lines("isbn,title", "9,Nine")
    text = "This command asks a question, and there is no terminal to answer on. Use --yes."
    assert refusal("importer", "run", "books", "-f", path, "--truncate") == text
    assert titles() == {"1": "One", "2": "Two"}
    assert said(capsys, "importer", "run", "books", "-f", path, "-t", "--dry-run").splitlines() == [
        "Row  What  Values",
        "  2  new   isbn: 9; title: Nine",
        "2 existing rows would be deleted first.",
        "1 read: 1 would be new, 0 changed, 0 unchanged, 0 refused.",
    ]
    assert titles() == {"1": "One", "2": "Two"}
    assert said(capsys, "importer", "run", "books", "-f", path, "-t", "-y").splitlines() == [
        "2 rows were deleted first.",
        "1 read: 1 new, 0 changed, 0 unchanged, 0 refused.",
    ]
    assert titles() == {"9": "Nine"}
    told = json.loads(said(capsys, "importer", "run", "books", "-f", path, "--truncate", "--yes", "--json"))
    assert (told["emptied"], told["created"]) == (1, 1)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_on_a_terminal_it_is_asked_and_a_bar_is_shown(tmp_path: Path) -> None:
    Group.objects.create(name="Kept")
    path = tmp_path / "groups.csv"
    path.write_text("name\nNew\n")
    code = f"""if True:
        from django.core.management import call_command
        from tests.data import trial_groups
        call_command("data", "importer", "run", "trial-groups", "--file", {str(path)!r}, "--truncate")
    """
    question = "All rows of the table of groups will be deleted first. Continue? [y/N]: "
    with Terminal("shell", "-c", code, environment=process_environment(tmp_path, {})) as shell:
        shell.answer(question, "n")
        shell.wait_for("Nothing was changed.")
        assert shell.end() == 1
    assert Group.objects.filter(name="Kept").exists()
    with Terminal("shell", "-c", code, environment=process_environment(tmp_path, {})) as shell:
        shell.answer(question, "y")
        shell.wait_for("Rows")
        shell.wait_for("100%")
        shell.wait_for("1 read: 1 new, 0 changed, 0 unchanged, 0 refused.")
        assert shell.end() == 0
    assert list(Group.objects.values_list("name", flat=True)) == ["New"]


def test_an_interrupted_import_goes_on_or_begins_anew(shop: None, capsys: Said, mixed: Path) -> None:
    def stop() -> None:
        """As if the process had gone after the third row of the file."""
        DataRun.objects.filter(state=State.SUCCEEDED).update(
            state=State.INTERRUPTED, last_row=4, rows_read=3, rows_written=2, rows_refused=0
        )

    refusal("importer", "run", "books", "-f", mixed, "--partial", status=PARTLY)
    stop()
    text = "An import of this file stopped after row 4. Continue with --partial --resume, or start over with --restart."
    assert refusal("importer", "run", "books", "-f", mixed, "--partial") == text
    capsys.readouterr()
    refusal("importer", "run", "books", "-f", mixed, "--partial", "--resume", status=PARTLY)
    told = capsys.readouterr()
    assert told.out.splitlines()[0] == "5 read in total: 2 written, 1 unchanged, 2 refused."
    stop()
    refusal("importer", "run", "books", "-f", mixed, "--partial", "--restart", status=PARTLY)
    assert capsys.readouterr().out.splitlines()[0] == "5 read: 0 new, 0 changed, 3 unchanged, 2 refused."
