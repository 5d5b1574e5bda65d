"""The file of refused rows: what is in it, that nothing is written over, and that it can be imported again."""

import os
import stat
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest

from keystone.data.files import Row, opened
from keystone.data.refused_rows import RefusedRows, RefusedRowsExist, RefusedRowsNotWritten


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "refused.csv"


def test_no_file_is_made_where_no_row_is_refused(path: Path) -> None:
    with RefusedRows(path, ["a"]) as refused:
        pass
    assert (refused.count, path.exists()) == (0, False)


def test_rows_are_written_with_numbers_and_reasons(path: Path) -> None:
    with RefusedRows(path, ["name", "note"]) as refused:
        refused.add(Row(7, {"name": "Zoë", "note": 'two\nlines, "quoted"'}), "name: too short.\nnote: too long.")
        refused.add(Row(9, {"note": "b", "name": ""}), "No name.")
    assert refused.count == 2
    assert path.read_bytes().decode("utf-8") == (
        "\ufeffrow,reason,name,note\r\n"
        '7,"name: too short.\nnote: too long.",Zoë,"two\nlines, ""quoted"""\r\n'
        "9,No name.,,b\r\n"
    )


def test_only_its_owner_can_read_it(path: Path) -> None:
    before = os.umask(0)
    try:
        with RefusedRows(path, ["a"]) as refused:
            refused.add(Row(2, {"a": "x"}), "Why.")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_formulas_stay_as_they_were(path: Path) -> None:
    with RefusedRows(path, ["a", "b"]) as refused:
        refused.add(Row(2, {"a": "=1+1", "b": "-5"}), "Why.")
    with opened(path) as source:
        assert list(source.rows()) == [Row(2, {"a": "=1+1", "b": "-5"})]


def test_values_of_a_workbook_are_written_to_be_read_again(path: Path) -> None:
    values = [5, 1.5, True, date(2026, 1, 2), datetime(2026, 1, 2), datetime(2026, 1, 2, 3, 4, 5)]  # noqa: DTZ001 - as there
    values += [time(3, 4), timedelta(days=1, hours=2), ""]
    columns = [f"c{place}" for place in range(len(values))]
    with RefusedRows(path, columns) as refused:
        refused.add(Row(2, dict(zip(columns, values, strict=True))), "Why.")
    with opened(path) as source:
        [row] = source.rows()
    assert list(row.cells.values()) == [
        *("5", "1.5", "True", "2026-01-02", "2026-01-02", "2026-01-02 03:04:05"),
        *("03:04:00", "1 day, 2:00:00", ""),
    ]


def test_a_file_that_is_there_is_not_written_over(path: Path) -> None:
    path.write_text("somebody's work")
    with (
        pytest.raises(RefusedRowsExist, match=r"refused\.csv already exists\. Move it, or give another name\.$"),
        RefusedRows(path, ["a"]) as refused,
    ):
        refused.add(Row(2, {"a": "x"}), "Why.")
    assert (refused.count, path.read_text()) == (0, "somebody's work")


def test_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    path.symlink_to(tmp_path / "elsewhere.csv")
    with pytest.raises(RefusedRowsExist), RefusedRows(path, ["a"]) as refused:
        refused.add(Row(2, {"a": "x"}), "Why.")
    assert not (tmp_path / "elsewhere.csv").exists()


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "refused.csv"
    with (
        pytest.raises(RefusedRowsNotWritten, match=r"refused\.csv: No such file or directory\.$"),
        RefusedRows(path, ["a"]) as refused,
    ):
        refused.add(Row(2, {"a": "x"}), "Why.")


def _refuse_and_fail(refused: RefusedRows) -> None:
    refused.add(Row(2, {"a": "x"}), "Why.")
    raise KeyError


def test_what_was_written_stays_when_the_block_fails(path: Path) -> None:
    with pytest.raises(KeyError), RefusedRows(path, ["a"]) as refused:
        _refuse_and_fail(refused)
    assert path.read_text(encoding="utf-8-sig").splitlines() == ["row,reason,a", "2,Why.,x"]


def test_a_corrected_file_is_imported_as_it_is(path: Path, tmp_path: Path) -> None:
    original = tmp_path / "people.csv"
    original.write_text("name;mail\nZoë;x\nshort\nlong;1;2\n", encoding="utf-8")
    with opened(original) as source, RefusedRows(path, source.columns) as refused:
        for row in source.rows():
            refused.add(row, row.fault or "mail: that is no address.")
    with opened(path) as source:
        rows = list(source.rows())
    assert source.columns == ("name", "mail")
    # Until it is corrected, a row is at fault as it was.
    assert [(row.cells, row.extra, row.fault) for row in rows] == [
        ({"name": "Zoë", "mail": "x"}, (), ""),
        ({"name": "short"}, (), "The row has only 1 cell, but the header has 2 columns."),
        ({"name": "long", "mail": "1"}, ("2",), "The row has 3 cells, but the header has 2 columns."),
    ]
    path.write_text(path.read_text(encoding="utf-8").replace("Zoë,x", "Zoë,z@example.com"), encoding="utf-8")
    with opened(path) as source:
        assert next(source.rows()) == Row(2, {"name": "Zoë", "mail": "z@example.com"})
