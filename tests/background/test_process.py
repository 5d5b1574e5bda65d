"""What a worker refuses before it begins, and whose worker is refused."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from keystone.background.options import WorkerOptions
from keystone.background.process import WrongOptions, run_worker
from tests.background.rows import again, waiting

pytestmark = pytest.mark.usefixtures("queue")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (WorkerOptions(queues=["default", "nowhere"]), "There is no queue nowhere. Known queues: default, mail."),
        (WorkerOptions(heartbeat=10, stalled_after=15), "at least twice --heartbeat"),
        (WorkerOptions(health_file=Path("/nowhere/worker.ready")), "There is no folder /nowhere."),
        (WorkerOptions(health_file=Path("/")), "/ is a folder"),
    ],
    ids=["queue", "times", "folder", "no file"],
)
def test_options_that_do_not_fit_are_refused(options: WorkerOptions, words: str) -> None:
    with pytest.raises(WrongOptions, match=words):
        run_worker(options)


def test_settings_that_tasks_do_not_work_with_are_refused(settings: Settings) -> None:
    settings.TASKS = {"default": {**settings.TASKS["default"], "QUEUES": ["q" * 41]}}
    with pytest.raises(WrongOptions, match=r"keystone\.E082"):
        run_worker(WorkerOptions())


@pytest.mark.django_db
def test_procrastinates_own_worker_is_refused() -> None:
    task = waiting()
    with pytest.raises(CommandError, match=r"Use: manage\.py worker"):
        call_command("procrastinate", "worker", "--one-shot")
    assert again(task.pk).status == "todo"
