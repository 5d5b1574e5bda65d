"""What streams and the database cannot take is escaped, as `ls` does."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management.base import OutputWrapper

from keystone.console.printing import print_json, print_pairs, print_table, printable
from keystone.text.escaping import escape_streams, escaped, path_of
from keystone.text.one_line import in_one_line

NAME = os.fsdecode(b"M\xfcller.csv")
ROOT = Path(__file__).parents[2]


def test_bytes_that_are_no_utf_8_are_shown() -> None:
    assert escaped(NAME) == "M\\xfcller.csv"
    assert escaped("Müller \U0001f600 \\xfc") == "Müller \U0001f600 \\xfc"
    assert escaped("\ud800x\udfff") == "\\ud800x\\udfff"
    assert printable(f"a\n{NAME}") == "a M\\xfcller.csv"
    assert in_one_line(ValueError(NAME)) == "M\\xfcller.csv"


def test_an_escaped_path_is_found_again(tmp_path: Path) -> None:
    for name in (b"M\xfcller.csv", "Müller".encode(), b"a\\b", b"\xfc\xff\x80", b"a\\x41"):
        path = tmp_path / os.fsdecode(name)
        path.touch()
        assert path_of(escaped(str(path))) == path
        path.unlink()
    literal = tmp_path / "M\\xfcller.csv"
    literal.touch()
    assert path_of(str(literal)) == literal


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("ascii", "Zo\\xeb \\u5c71 \\U0001f600 M\\xfcller.csv"),
        ("latin-1", "Zoë \\u5c71 \\U0001f600 M\\xfcller.csv"),
        ("utf-8", "Zoë 山 \U0001f600 M\\xfcller.csv"),
    ],
)
def test_what_a_stream_lacks_is_escaped(monkeypatch: pytest.MonkeyPatch, encoding: str, shown: str) -> None:
    said = f"Zoë 山 \U0001f600 {NAME}"
    stdout, stderr = io.BytesIO(), io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(stdout, encoding=encoding, write_through=True))
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(stderr, encoding=encoding, write_through=True))
    escape_streams()
    out = OutputWrapper(sys.stdout)
    out.write(said)
    print_table(out, ["Name"], [[said]])
    print_pairs(out, [("name", said)])
    print_json(out, {"name": [said]})
    sys.stderr.write(said)
    lines = stdout.getvalue().decode(encoding).splitlines()
    assert lines[:4] == [shown, "Name", shown, f"name  {shown}"]
    assert json.loads("\n".join(lines[4:])) == {"name": ["Zoë 山 \U0001f600 M\\xfcller.csv"]}
    assert stderr.getvalue().decode(encoding) == shown


def test_streams_that_are_closed_or_replaced_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    escape_streams()


@pytest.mark.slow
def test_commands_print_to_any_stream_and_name_any_file() -> None:
    def run(*arguments: str, **environment: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env={**os.environ, **environment},
            capture_output=True,
            timeout=120,
            check=False,
        )
        return done.returncode, done.stdout.decode("ascii", "strict"), done.stderr.decode("ascii", "strict")

    status, out, error = run("email", "preview", "trial", PYTHONIOENCODING="ascii", PROJECT_NAME="Zoë")
    assert (status, error) == (0, "")
    assert "Zo\\xeb" in out
    missing = ("data", "importer", "run", "people", "-f", NAME)
    in_c = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for environment in ({"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "utf-8"}, in_c):
        expected = (1, "", "CommandError: M\\xfcller.csv: There is no such file.\n")
        assert run(*missing, **environment) == expected
    status, out, error = run(NAME)
    assert (status, out, error.splitlines()[0]) == (1, "", "Unknown command: 'M\\udcfcller.csv'")
