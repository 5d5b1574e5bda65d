"""What is written into an `.env` file is read back as it was given, and the rest of the file stays."""

import os
import stat
import threading
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given, settings
from hypothesis import strategies as st

from keystone.environment.variables import environment
from keystone.server.env_file import Unwritable, can_stand, write_variable

# Quotes, escapes and signs that files, shells and templates give a meaning to come more often.
VALUES = st.text(st.one_of(st.sampled_from(list("'\"\\nrt#$ =%{}`")), st.characters(codec="utf-8")), max_size=20)
OTHERS = "# a comment\nexport A=1\n\n  \n#KEY=none\nB='two words'\nC=#x\n"


def file_values(path: Path) -> dict[str, str]:
    """What the settings read from a file."""
    return environment().values_of(path)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("env") / ".env.local"


@given(value=VALUES, before=st.one_of(st.none(), VALUES.filter(can_stand)))
@settings(max_examples=40, deadline=None)
def test_a_value_is_read_back_as_it_was_given_or_refused(shared: Path, value: str, before: str | None) -> None:
    assert_read_back_or_refused(shared, value, before)


@pytest.mark.slow
@given(value=VALUES, before=st.one_of(st.none(), VALUES.filter(can_stand)))
@settings(max_examples=150, deadline=None)
def test_any_value_is_read_back_as_it_was_given_or_refused(shared: Path, value: str, before: str | None) -> None:
    assert_read_back_or_refused(shared, value, before)


def assert_read_back_or_refused(shared: Path, value: str, before: str | None) -> None:
    shared.write_text(OTHERS, encoding="utf-8")
    if before is not None:
        write_variable(shared, "KEY", before, values_of=file_values)
    old = shared.read_bytes()
    others = {"A": "1", "B": "two words", "C": "#x"}
    if can_stand(value):
        write_variable(shared, "KEY", value, values_of=file_values)
        assert file_values(shared) == {**others, "KEY": value}
        assert shared.read_text(encoding="utf-8").startswith(OTHERS)
    else:
        with pytest.raises(Unwritable, match="one line of text"):
            write_variable(shared, "KEY", value, values_of=file_values)
        assert shared.read_bytes() == old


def test_what_is_no_file_is_not_replaced_by_one(tmp_path: Path) -> None:
    pipe, circle, device = tmp_path / "pipe", tmp_path / "circle", tmp_path / "device"
    os.mkfifo(pipe)
    circle.symlink_to(circle)
    device.symlink_to(pipe)  # as `.env.local` that leads to /dev/null
    for path in (pipe, circle, device, tmp_path):
        with pytest.raises(Unwritable, match=r"is not a file\.$"):
            write_variable(path, "KEY", "new", values_of=file_values)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert circle.is_symlink()


@pytest.mark.parametrize("value", ["a\nb", "a\n", "\n", "a\rb", "a\x0bb", "a\x85", "a\u2028b", "a\0b", "\ud800"])
def test_what_no_file_keeps_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(Unwritable, match="one line of text"):
        write_variable(tmp_path / ".env", "KEY", value, values_of=file_values)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "KEY=new\n"),
        ("A=1", "A=1\nKEY=new\n"),
        ("KEY=old\r\nA=1\r\n", "KEY=new\r\nA=1\r\n"),
        ("A=1\nexport KEY=old\n# KEY=x\nB=2\n", "A=1\nKEY=new\n# KEY=x\nB=2\n"),
        ("KEY=one\nA=1\nKEY=two\n", "KEY=new\nA=1\n"),
        ("KEYS=1\nMY_KEY=2\n", "KEYS=1\nMY_KEY=2\nKEY=new\n"),
        ("\ufeffKEY=old\r\nA=1\r\n", "KEY=new\r\nA=1\r\n"),  # with a byte order mark, as Windows editors write
    ],
)
def test_the_other_lines_stay(tmp_path: Path, before: str, after: str) -> None:
    path = tmp_path / ".env"
    path.write_bytes(before.encode())
    assert write_variable(path, "KEY", "new", values_of=file_values)
    assert path.read_bytes().decode() == after


@pytest.mark.parametrize("mode", [None, 0o644, 0o666, 0o600])
def test_the_file_is_readable_for_its_owner_alone(tmp_path: Path, mode: int | None) -> None:
    path = tmp_path / ".env"
    if mode is not None:
        path.write_text("A=1\n")
        path.chmod(mode)
    for expected in (True, False):
        assert write_variable(path, "KEY", "new", values_of=file_values) is expected
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        path.chmod(mode or 0o600)


def test_the_file_stays_its_owners(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("A=1\n")
    if os.getuid() == 0:
        os.chown(path, 1234, 1235)
    owner = (path.stat().st_uid, path.stat().st_gid)
    write_variable(path, "KEY", "new", values_of=file_values)
    assert (path.stat().st_uid, path.stat().st_gid) == owner


def test_of_a_link_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    target, link = tmp_path / "real", tmp_path / ".env"
    target.write_text("A=1\n")
    link.symlink_to(target)
    write_variable(link, "KEY", "new", values_of=file_values)
    assert link.is_symlink()
    assert target.read_text() == "A=1\nKEY=new\n"


def test_a_reader_sees_the_file_before_or_after_and_never_half_of_it(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("KEY=" + "a" * 100_000 + "\n")
    kept = path.open()
    write_variable(path, "KEY", "b" * 100_000, values_of=file_values)
    assert kept.read() == "KEY=" + "a" * 100_000 + "\n"
    assert path.read_text() == "KEY=" + "b" * 100_000 + "\n"
    assert list(tmp_path.iterdir()) == [path]
    kept.close()


def test_several_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    names = [f"KEY_{number}" for number in range(20)]
    writers = [
        threading.Thread(target=write_variable, args=(path, name, name), kwargs={"values_of": file_values})
        for name in names
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert file_values(path) == {name: name for name in names}


def test_a_broken_file_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("A = 1\n")
    with pytest.raises(ImproperlyConfigured, match=r"line 1: write NAME=value"):
        write_variable(path, "KEY", "new", values_of=file_values)
    assert path.read_text() == "A = 1\n"


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unwritable, match=r"none/\.env cannot be written: No such file or directory\.$"):
        write_variable(tmp_path / "none" / ".env", "KEY", "new", values_of=file_values)
