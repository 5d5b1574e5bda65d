"""The folder that mail goes to in development."""

import multiprocessing
import stat
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
from django.core.mail import EmailMultiAlternatives, InvalidMailer, mailers
from pytest_django import Settings

from keystone.mail import folder
from keystone.mail.backends import FolderBackend

PROCESSES, EACH = 50, 4


def write(place: Path, *subjects: str) -> None:
    messages = []
    for subject in subjects:
        message = EmailMultiAlternatives(subject, "Grüße\n", to=["ada@example.com"])
        message.attach_alternative("<html><head></head><body>Grüße</body></html>", "text/html")
        messages.append(message)
    assert FolderBackend(alias="default", folder=place).send_messages(messages) == len(subjects)


def _write_some(place: Path, process: int) -> None:
    write(place, *[f"{process}-{number}" for number in range(EACH)])


def test_backend_writes_one_file_a_message_for_the_owner_only(tmp_path: Path) -> None:
    place = tmp_path / "data" / "mails"
    write(place, "First", "Second")
    names = sorted(path.name for path in place.iterdir())
    assert len(names) == 2
    messages = [message_from_bytes((place / name).read_bytes(), policy=default) for name in names]
    assert [message["Subject"] for message in messages] == ["First", "Second"]
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert {stat.S_IMODE((place / name).stat().st_mode) for name in names} == {0o600}


def test_backend_is_reached_through_mailers(tmp_path: Path, settings: Settings) -> None:
    backend = "keystone.mail.backends.FolderBackend"
    settings.MAILERS = {"default": {"BACKEND": backend, "OPTIONS": {"folder": tmp_path}}}
    assert EmailMultiAlternatives("Hello", "text", to=["ada@example.com"]).send(using="default") == 1
    assert folder.count(tmp_path) == 1
    settings.MAILERS = {"default": {"BACKEND": backend, "OPTIONS": {"folder": tmp_path, "colour": "red"}}}
    with pytest.raises(InvalidMailer, match="colour"):
        mailers["default"]
    settings.MAILERS = {"default": {"BACKEND": backend}}
    with pytest.raises(InvalidMailer, match="folder"):
        mailers["default"]


def test_backend_refuses_a_header_with_a_newline(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"newline|linefeed"):
        write(tmp_path, "Hello\nBcc: all@example.com")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_many_processes_write_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    processes = [
        multiprocessing.get_context("fork").Process(target=_write_some, args=(tmp_path, number))
        for number in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * PROCESSES
    found = folder.entries(tmp_path, limit=1000)
    assert {entry.subject for entry in found} == {f"{p}-{n}" for p in range(PROCESSES) for n in range(EACH)}
    assert len(list(tmp_path.iterdir())) == PROCESSES * EACH


def test_entries_are_newest_first_and_bounded(tmp_path: Path) -> None:
    write(tmp_path, *[f"Mail {number}" for number in range(5)])
    assert folder.count(tmp_path) == 5
    assert [entry.subject for entry in folder.entries(tmp_path, limit=2)] == ["Mail 4", "Mail 3"]
    assert [entry.subject for entry in folder.entries(tmp_path, start=4)] == ["Mail 0"]
    assert folder.entries(tmp_path)[0].to == "ada@example.com"


def test_read_takes_a_mail_apart(tmp_path: Path) -> None:
    write(tmp_path, "Hello")
    (entry,) = folder.entries(tmp_path)
    message = folder.read(tmp_path, entry.name)
    assert message is not None
    assert message.text.strip() == "Grüße"
    assert message.html.strip() == "<html><head></head><body>Grüße</body></html>"
    assert dict(message.headers)["Subject"] == "Hello"


def test_read_gives_only_what_the_backend_wrote(tmp_path: Path) -> None:
    place = tmp_path / "mails"
    write(place, "Hello")
    (tmp_path / "secret.eml").write_text("Subject: secret\n\n")
    (place / "notes.eml").write_text("Subject: notes\n\n")
    name = folder.entries(place)[0].name
    for wrong in ("../secret.eml", "notes.eml", f"../mails/{name}", "", f".{name}.part", f"{name}\n"):
        assert folder.read(place, wrong) is None
    assert folder.count(place) == 1


def test_delete_all_leaves_other_files(tmp_path: Path) -> None:
    write(tmp_path, "One", "Two")
    (tmp_path / "notes.txt").write_text("mine")
    assert folder.delete_all(tmp_path) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_folder_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert folder.count(tmp_path / "none") == 0
    assert folder.entries(tmp_path / "none") == []
