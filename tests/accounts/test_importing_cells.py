"""Importing people from what spreadsheets write, and from what the export wrote."""

import csv
import io
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone
from openpyxl import Workbook
from rest_framework.test import APIClient

from keystone.accounts.export import stream_people_csv
from keystone.accounts.models import User
from keystone.actors.actor import Actor
from keystone.data.declarations import Existing
from keystone.data.importing import run_import
from keystone.data.outcomes import ImportOptions, ImportResult, Refused, RowsRefused
from keystone.testing.factories import UserFactory, superuser
from tests.data.workbooks import excel_workbook, texts

pytestmark = pytest.mark.django_db
NAMES = [
    *("-", "=1+1", "+1", "@x", "\u2212", "\uff1dx", "=cmd|' /C calc'!A0"),
    *("'=1", "''=1", "'''-", "'-", "'tis", "''x", "'", "''", "O'Neil", "1-2", "#1"),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "people.xlsx"


def saved(path: Path, *rows: list[Any]) -> Path:
    workbook = Workbook()
    for row in rows:
        workbook.worksheets[0].append(row)
    workbook.save(path)
    return path


def run(file: Path, **options: Any) -> ImportResult:
    return run_import("people", ImportOptions(file=file, **options), by=Actor.cli())


def refusals(file: Path, **options: Any) -> dict[int, str]:
    with pytest.raises(RowsRefused) as raised:
        run(file, **options)
    return {refused.row: refused.reason for refused in raised.value.imported.refusals}


def test_a_formula_without_a_value_takes_nothing_away(path: Path) -> None:
    end = timezone.now() + timedelta(days=9)
    user = UserFactory(email="kenji.mori@example.org", first_name="Kenji", access_ends_at=end)
    header = ["email", "first_name", "access_ends_at"]
    saved(path, header, ["kenji.mori@example.org", '=PROPER("ken")', "=DATE(2030,1,31)"])
    said = "is a formula without a stored value: open the file in a spreadsheet program and save it."
    expected = f"“first_name” {said} “access_ends_at” {said}"
    assert refusals(path, existing=Existing.UPDATE) == {2: expected}
    for partial in (False, True):
        outcome = run(path, existing=Existing.UPDATE, partial=partial, trial=not partial)
        assert outcome.refusals == (Refused(2, expected),)
    # What is refused is refused again when its file is imported as it is.
    assert outcome.refused_file is not None
    assert refusals(outcome.refused_file, existing=Existing.UPDATE) == {2: expected}
    user.refresh_from_db()
    assert (user.first_name, user.access_ends_at) == ("Kenji", end)


def test_whole_numbers_of_google_sheets_are_whole(path: Path) -> None:
    Group.objects.create(name="2024")
    names = ["email", "first_name", "last_name", "groups", "is_staff"]
    header = "".join(f'<c t="s"><v>{place}</v></c>' for place in range(5))
    cells = "<c><v>4711.0</v></c><c><v>0.0</v></c><c><v>2024.0</v></c>"
    rows = f'<row r="1">{header}</row>' + "".join(
        f'<row r="{number}"><c t="s"><v>{number + 3}</v></c>{cells}<c><v>{value}</v></c></row>'
        for number, value in ((2, "0.0"), (3, "1.0"))
    )
    excel_workbook(path, rows=rows, strings=texts(*names, "a@example.com", "b@example.com"))
    assert run(path).created == 2
    found = [
        (user.first_name, user.last_name, [group.name for group in user.groups.all()], user.is_staff)
        for user in User.objects.order_by("email")
    ]
    assert found == [("4711", "0", ["2024"], False), ("4711", "0", ["2024"], True)]


def test_what_a_cell_cannot_mean_is_refused(path: Path) -> None:
    day = datetime(2020, 1, 1)  # noqa: DTZ001 - a workbook knows no zones
    header = ["email", "first_name", "groups", "access_ends_at", "is_staff"]
    rows: list[tuple[list[Any], str]] = [
        (
            ["a@example.com", day, None, None, None],
            "first_name: “2020-01-01” is a date; this column takes text.",
        ),
        (
            ["b@example.com", True, True, False, "maybe"],
            (
                "first_name: “TRUE” is true or false; this column takes text."
                " groups: “TRUE” is true or false; this column takes text."
                " access_ends_at: “FALSE” is true or false; this column takes a date."
                " is_staff: “maybe” is neither yes nor no. Write yes, true or 1; or no, false or 0."
            ),
        ),
        (
            ["c@example.com", time(3, 4), timedelta(hours=30), 20301231, 2],
            (
                "first_name: “03:04:00” is a time of day; this column takes text."
                " groups: “1 day, 6:00:00” is a duration; this column takes text."
                " access_ends_at: “20301231” is a number; this column takes a date."
                " is_staff: “2” is neither yes nor no. Write yes, true or 1; or no, false or 0."
            ),
        ),
        (
            ["d@example.com", 1.5e18, None, 0, day],
            (
                "first_name: “1.5e+18” has more digits than a spreadsheet keeps. Enter it as text."
                " access_ends_at: “0” is a number; this column takes a date."
                " is_staff: “2020-01-01” is neither yes nor no. Write yes, true or 1; or no, false or 0."
            ),
        ),
        ([day, "E", None, None, None], "“2020-01-01” is a date; this column takes text."),
    ]
    found = refusals(saved(path, header, *(row for row, _reason in rows)))
    assert found == {number: reason for number, (_row, reason) in enumerate(rows, start=2)}


def test_an_export_is_read_back_as_it_was(tmp_path: Path) -> None:
    for number, name in enumerate(NAMES):
        UserFactory(email=f"+p{number}@example.com", first_name=name, last_name=NAMES[-number])
    before = list(User.objects.order_by("email").values_list("email", "first_name", "last_name"))
    lines = list(stream_people_csv(User.objects.all()))
    csv_file, xlsx_file = tmp_path / "export.csv", tmp_path / "export.xlsx"
    csv_file.write_text("".join(lines), newline="")
    saved(xlsx_file, *csv.reader(io.StringIO("".join(lines), newline="")))
    for file in (csv_file, xlsx_file):
        outcome = run(file, existing=Existing.UPDATE, ignore_unknown=True)
        assert (outcome.counts.read, outcome.counts.unchanged, outcome.refusals) == (len(NAMES), len(NAMES), ())
        User.objects.update(first_name="x", last_name="y")
        assert run(file, existing=Existing.UPDATE, ignore_unknown=True).counts.written == len(NAMES)
        assert list(User.objects.order_by("email").values_list("email", "first_name", "last_name")) == before


def test_the_exports_of_the_api_and_the_admin_are_read_back(tmp_path: Path) -> None:
    root = superuser(email="root@example.com", first_name="'=1", last_name="-")
    api, admin = APIClient(), Client()
    api.force_authenticate(root)
    admin.force_login(root)
    answers: list[Any] = [
        api.get("/api/users/export/", headers={"Accept": "text/csv"}),
        admin.post("/admin/keystone/user/export/"),
    ]
    for number, answer in enumerate(answers):
        path = tmp_path / f"{number}.csv"
        path.write_bytes(b"".join(answer.streaming_content))
        outcome = run(path, existing=Existing.UPDATE, ignore_unknown=True)
        assert (outcome.counts.read, outcome.counts.unchanged, outcome.refusals) == (1, 1, ())


def test_refused_rows_are_read_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(
            [["email", "first_name"], *([f"{place}", f"'{name}"] for place, name in enumerate(NAMES))]
        )
    first = run(path, partial=True)
    assert first.refused_file is not None
    second = run(first.refused_file, partial=True)
    assert second.refused_file is not None
    assert first.refused_file.read_text() == second.refused_file.read_text()
