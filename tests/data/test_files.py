"""Files of rows, whatever their format: which are read, and their fingerprint."""

import hashlib
import os
from pathlib import Path

import pytest

from keystone.data.files import FileUnusable, Row, fingerprint, opened


def unusable(path: Path) -> str:
    with pytest.raises(FileUnusable) as refused, opened(path):
        pass
    return refused.value.detail.removeprefix(f"{path}: ")


def test_a_file_that_there_is_not_is_refused(tmp_path: Path) -> None:
    assert unusable(tmp_path / "people.csv") == "There is no such file."
    assert "embedded null" in unusable(tmp_path / "peo\0ple.csv")
    assert unusable(tmp_path / ("x" * 300 + ".csv")) == "File name too long"


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert unusable(tmp_path) == "This is a folder. Give a file."


def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "people.csv")
    assert unusable(tmp_path / "people.csv") == "This is not a regular file."


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.touch(mode=0o000)
    assert unusable(path) == "There is no permission to read it."


@pytest.mark.parametrize("name", ["people.xls", "people.ods", "people.json", "people"])
def test_another_kind_is_refused_with_those_that_are_accepted(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("a\n1\n")
    assert unusable(path) == "Files of this kind cannot be read. Accepted: .csv, .tsv, .txt, .xlsx, .xlsm."


@pytest.mark.parametrize("name", ["people.csv", "people.xlsx"])
def test_an_empty_file_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.touch()
    assert unusable(path) == "The file is empty."


@pytest.mark.parametrize("name", ["people.csv", "PEOPLE.CSV", "people.tsv", "people.txt"])
def test_text_is_read_by_its_ending(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("a,b\n1,2\n")
    with opened(path) as source:
        assert list(source.rows()) == [Row(2, {"a": "1", "b": "2"})]


def test_an_error_within_the_block_passes_through(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("a\n1\n")
    with pytest.raises(FileNotFoundError, match="of the block"), opened(path):
        raise FileNotFoundError("of the block")


def test_the_fingerprint_is_that_of_the_content(tmp_path: Path) -> None:
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    content = b"a\n" + b"1\n" * 500_000
    first.write_bytes(content)
    second.write_bytes(content)
    assert fingerprint(first) == fingerprint(second) == hashlib.sha256(content).hexdigest()
    second.write_bytes(content + b" ")
    assert fingerprint(first) != fingerprint(second)


def test_the_fingerprint_of_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileUnusable, match="There is no such file"):
        fingerprint(tmp_path / "people.csv")
    with pytest.raises(FileUnusable, match="This is a folder"):
        fingerprint(tmp_path)
