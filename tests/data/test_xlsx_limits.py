"""Workbooks that unpack to more than anybody wants to read."""

import os
import resource
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZipFile

import pytest
from django.conf import settings

from keystone.data import xlsx_parts, xlsx_workbook
from keystone.data.files import FileUnusable, opened
from keystone.data.rows import LONGEST_CELL
from tests.data.workbooks import MAIN, changed, excel_workbook, texts

MB = 1024 * 1024
HEADER = '<row r="1"><c t="s"><v>0</v></c></row>'
ROW = '<row><c t="inlineStr"><is><t>{}</t></is></c></row>'
DAMAGED = "This is not an XLSX file, or it is damaged. Open it in a spreadsheet program and save it again."
PIECE = "A row or another part of it is too large to read. Save the sheet as CSV."


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return excel_workbook(tmp_path / "people.xlsx", rows=HEADER + ROW.format("x"), strings=texts("a"))


def refusal(path: Path) -> str:
    with pytest.raises(FileUnusable) as refused, opened(path) as source:
        list(source.rows())
    return refused.value.detail.removeprefix(str(path)).lstrip(":, ")


@contextmanager
def little_memory(most: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


def sheet(rows: str, *, before: str = "") -> str:
    return f'{before}<worksheet xmlns="{MAIN}"><sheetData>{HEADER}{rows}</sheetData></worksheet>'


def test_a_cell_that_is_too_long_is_refused_with_its_row(path: Path) -> None:
    said = "A cell is longer than 1048576 characters."
    long = "x" * (LONGEST_CELL + 1)
    assert refusal(changed(path, "xl/worksheets/sheet1.xml", sheet(ROW.format(long)))) == f"row 2: {said}"
    parts = "".join(f"<r><t>{'x' * 1000}</t></r>" for _ in range(1049))
    rich = f'<row><c t="inlineStr"><is>{parts}</is></c></row>'
    assert refusal(changed(path, "xl/worksheets/sheet1.xml", sheet(rich))) == f"row 2: {said}"
    formula = f'<row><c t="str"><f>A1</f><v>{long}</v></c></row>'
    assert refusal(changed(path, "xl/worksheets/sheet1.xml", sheet(formula))) == f"row 2: {said}"
    shared = sheet('<row><c t="s"><v>1</v></c></row>')
    changed(path, "xl/worksheets/sheet1.xml", shared)
    changed(path, "xl/sharedStrings.xml", f'<sst xmlns="{MAIN}">{texts("a", long)}</sst>')
    assert refusal(path) == f"row 2: {said}"


def test_a_cell_of_the_longest_length_is_read(path: Path) -> None:
    changed(path, "xl/worksheets/sheet1.xml", sheet(ROW.format("x" * LONGEST_CELL)))
    with opened(path) as source:
        assert [len(row.cells["a"]) for row in source.rows()] == [LONGEST_CELL]


def test_each_part_is_read_piece_by_piece(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_parts, "LARGEST_PIECE", MB // 4)
    huge = "x" * MB
    for part in ("xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/styles.xml", "xl/workbook.xml", "_rels/.rels"):
        with ZipFile(path) as archive:
            before = archive.read(part).decode()
        end = before.find("</sheetData>") if "sheet1" in part else before.rindex("</")
        for much in (
            huge,
            f"<!--{huge}-->",
            f'<a b="{huge}"/>',
            f"<?a {huge}?>",
            f"<![CDATA[{huge}]]>",
            "<a>" * 200_000,
        ):
            changed(path, part, before[:end] + much + before[end:])
            with little_memory(20 * MB):
                assert refusal(path) in {PIECE, f"row 3: {PIECE}"}
        changed(path, part, before)


def test_a_row_with_far_too_many_cells_is_refused(path: Path) -> None:
    for row, said in (
        ("<row>" + "<c><v>1</v></c>" * 100_000 + "</row>", f"row 2: {PIECE}"),
        ("<row>" + "<c><v>1</v></c>" * 16_385 + "</row>", f"row 2: {DAMAGED}"),
        ('<row><c r="ZZZ2"><v>1</v></c></row>', f"row 2: {DAMAGED}"),
    ):
        with little_memory(60 * MB):
            assert refusal(changed(path, "xl/worksheets/sheet1.xml", sheet(row))) == said


def test_no_more_is_unpacked_than_the_setting_says(path: Path, settings: Any) -> None:
    settings.KEYSTONE = {"IMPORT_UNPACKED_MB": 1}
    said = "The file unpacks to more than 1 MB. Save the sheet as CSV, or raise IMPORT_UNPACKED_MB if you trust it."
    row = ROW.format("x" * 999)
    assert refusal(changed(path, "xl/worksheets/sheet1.xml", sheet(row * 2000))).partition(": ")[2] == said
    # What comes after the rows is counted as well, because it is read for the sake of its checksum.
    changed(path, "xl/worksheets/sheet1.xml", sheet("") + " " * 2 * MB)
    assert refusal(path) == f"row 1: {said}"
    changed(path, "xl/worksheets/sheet1.xml", sheet(row))
    changed(path, "xl/sharedStrings.xml", f'<sst xmlns="{MAIN}">{texts("a", *["y" * 999] * 2000)}</sst>')
    assert refusal(path) == said


def test_texts_that_take_too_much_memory_are_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_workbook, "LARGEST_TEXTS", 2 * MB)
    changed(path, "xl/sharedStrings.xml", f'<sst xmlns="{MAIN}">{texts("a", *map(str, range(10**5)))}</sst>')
    assert refusal(path) == "The file's texts take more than 2 MB of memory. Save the sheet as CSV."


def test_what_headers_say_of_a_part_does_not_matter(path: Path, settings: Any) -> None:
    settings.KEYSTONE = {"IMPORT_UNPACKED_MB": 1}
    changed(path, "xl/worksheets/sheet1.xml", sheet(ROW.format("x" * 999) * 2000))
    content = path.read_bytes()
    with ZipFile(path) as archive:
        size = archive.getinfo("xl/worksheets/sheet1.xml").file_size
    path.write_bytes(content.replace(size.to_bytes(4, "little"), (9999).to_bytes(4, "little")))
    assert refusal(path).endswith(DAMAGED)  # no more is read than is said, and the checksum is wrong then


def test_other_compression_and_long_directories_are_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with ZipFile(path, "w", ZIP_BZIP2) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    assert refusal(path) == DAMAGED
    monkeypatch.setattr(xlsx_parts, "LARGEST_DIRECTORY", 10_000)
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for number in range(1000):
            archive.writestr(f"{number}", b"")
    assert refusal(path) == "The file lists too many parts."


def test_a_document_type_is_refused_in_each_part(path: Path) -> None:
    doctype = '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">]>'
    for part in ("xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/styles.xml", "xl/workbook.xml"):
        with ZipFile(path) as archive:
            before = archive.read(part).decode()
        assert refusal(changed(path, part, doctype + before)).removeprefix("row 1: ") == DAMAGED
        changed(path, part, before)


@pytest.mark.slow
def test_a_gigabyte_in_one_cell_takes_little_memory(tmp_path: Path) -> None:
    path = excel_workbook(tmp_path / "people.xlsx", rows="", strings=texts("email"))
    with ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    begin, end = sheet(ROW.format("\n")).split("\n")
    with ZipFile(path, "w", ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in parts.items():
            if "sheet1" not in name:
                archive.writestr(name, content)
        with archive.open("xl/worksheets/sheet1.xml", "w") as part:
            part.write(begin.encode())
            for _ in range(1200):
                part.write(b"x" * MB)
            part.write(end.encode())
    assert path.stat().st_size < 10 * MB
    most = 1024 * MB
    program = (
        "import sys, django, pathlib; django.setup(); from keystone.data.files import opened\n"
        "with opened(pathlib.Path(sys.argv[1])) as source: list(source.rows())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": settings.SETTINGS_MODULE},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (most, most)),
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"keystone.data.rows.FileUnusable: {path}, row 2: {PIECE}"
