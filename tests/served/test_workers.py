"""Workers as processes: ended in order, killed, stopped and continued, cut off from the database, started anew."""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.tasks import TaskResult, TaskResultStatus, default_task_backend
from procrastinate.contrib.django.models import ProcrastinateJob, ProcrastinateWorker

from keystone.background.backend import enqueue_many
from keystone.background.models import TaskOutcome, WorkerProcess
from keystone.background.rescue import MOST_RESCUES
from tests.background import sample_tasks as tasks
from tests.measures import Measured
from tests.served.conftest import QUICK, Manage
from tests.served.process import ManagedProcess, until
from tests.served.server import START_LIMIT

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("queue")]


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    path = tmp_path / "notes"
    path.touch()
    return path


def status(result: Any) -> str:
    return str(ProcrastinateJob.objects.get(pk=int(result.id)).status)


def noted(path: Path) -> list[list[Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def let_end(notes: Path) -> None:
    """Let what waits come to its end."""
    notes.with_name(f"{notes.name}.end").touch()


def succeeded(result: Any) -> Callable[[], bool]:
    return lambda: status(result) == "succeeded"


def test_a_worker_shows_that_it_is_ready_and_leaves_nothing_behind(manage: Manage, measured: Measured) -> None:
    worker = manage("worker", *QUICK, "--queues", "mail,default", "--concurrency", "3")
    row = WorkerProcess.objects.get()
    assert (row.queues, row.concurrency, row.name.split(":")[-1]) == (["mail", "default"], 3, str(worker.process.pid))
    assert ProcrastinateWorker.objects.get().pk == row.pk
    beat = worker.health_file.stat().st_mtime
    until(lambda: worker.health_file.stat().st_mtime > beat)
    result = tasks.add.enqueue(1, second=1)
    measured(f"a task was done {until(succeeded(result), alive=worker) * 1000:.0f} ms after it was enqueued")
    assert worker.terminate() == 0
    assert not worker.health_file.exists()
    assert not WorkerProcess.objects.exists()
    assert not ProcrastinateWorker.objects.exists()
    assert "has stopped" in worker.said


def test_a_terminated_worker_ends_its_tasks_and_takes_no_more(manage: Manage, notes: Path) -> None:
    worker = manage("worker", *QUICK, "--concurrency", "1")
    running = tasks.wait_for.enqueue(path=str(notes), seconds=1.5)
    until(lambda: noted(notes), alive=worker)
    waiting = tasks.add.enqueue(1)
    assert worker.terminate() == 0
    assert (status(running), status(waiting)) == ("succeeded", "todo")
    assert [note[0] for note in noted(notes)] == ["begin", "end"]


def test_what_does_not_end_in_time_is_put_back_at_once(manage: Manage, notes: Path) -> None:
    worker = manage("worker", *QUICK, "--shutdown-timeout", "0.3")
    running = tasks.wait_for.enqueue(path=str(notes), seconds=5)
    hanging = tasks.hang.using(priority=-1).enqueue(str(notes), 0.01)
    until(lambda: len(notes.read_text().splitlines()) >= 2, alive=worker)
    begun = time.monotonic()
    assert worker.terminate() == 0
    assert time.monotonic() - begun < 4
    assert status(running) == "todo"
    assert ProcrastinateJob.objects.get(pk=int(running.id)).attempts == 0
    assert status(hanging) == "succeeded"
    assert not TaskOutcome.objects.filter(pk=int(running.id)).exists()


def test_a_second_signal_hurries(manage: Manage, notes: Path) -> None:
    worker = manage("worker", *QUICK)
    running = tasks.wait_for.enqueue(path=str(notes), seconds=20)
    until(lambda: noted(notes), alive=worker)
    worker.send(signal.SIGINT)
    until(lambda: "stops" in worker.said, alive=worker)
    assert worker.terminate(seconds=10) == 0
    assert status(running) == "todo"


def test_the_tasks_of_a_killed_worker_run_again(manage: Manage, notes: Path, measured: Measured) -> None:
    first = manage("worker", *QUICK)
    result = tasks.wait_for.enqueue(path=str(notes), seconds=60)
    until(lambda: noted(notes), alive=first)
    second = manage("worker", *QUICK)
    first.kill()
    took = until(lambda: len(noted(notes)) == 2, alive=second)
    let_end(notes)
    until(succeeded(result), alive=second)
    assert [note[1] for note in noted(notes)] == [first.process.pid, second.process.pid, second.process.pid]
    result.refresh()
    assert (result.attempts, result.errors, TaskOutcome.objects.get().rescues) == (2, [], 1)
    assert WorkerProcess.objects.get().name.endswith(f":{second.process.pid}")
    measured(f"killed worker: its task ran again after {took:.1f} s, with a limit of 1 s instead of 30 s")


def test_a_task_that_kills_its_workers_is_left_in_the_end(manage: Manage, notes: Path) -> None:
    result = tasks.kill_the_worker.enqueue(str(notes))
    TaskOutcome.objects.create(job_id=int(result.id), rescues=MOST_RESCUES - 1)
    for _ in range(2):
        victim = manage("worker", *QUICK, wait=False)  # it may be gone before anybody sees that it is ready
        until(lambda: not victim.is_running, seconds=START_LIMIT)  # noqa: B023 - called in this round
    healthy = manage("worker", *QUICK, "--queues", "mail")
    until(lambda: status(result) == "failed", alive=healthy)
    result.refresh()
    assert result.status == TaskResultStatus.FAILED
    assert "killed or lost more than 5 times" in result.errors[-1].traceback
    assert len(notes.read_text().splitlines()) == 2


def test_a_stopped_worker_that_goes_on_changes_nothing_and_begins_anew(manage: Manage, notes: Path) -> None:
    first = manage("worker", *QUICK, "--concurrency", "1")
    [before] = WorkerProcess.objects.all()
    result = tasks.wait_for.enqueue(path=str(notes), seconds=60, word="done")
    until(lambda: noted(notes), alive=first)
    first.send(signal.SIGSTOP)
    second = manage("worker", *QUICK, "--concurrency", "1")
    until(lambda: len(noted(notes)) >= 2, alive=second)
    first.send(signal.SIGCONT)
    let_end(notes)
    until(succeeded(result), alive=second)
    until(lambda: WorkerProcess.objects.count() == 2, alive=first)
    assert not WorkerProcess.objects.filter(pk=before.pk).exists()
    result.refresh()
    assert (result.return_value, result.attempts) == ("done", 2)
    until(lambda: "was another worker's by then" in first.said, alive=first)
    second.terminate()
    again = tasks.add.enqueue(1)
    until(succeeded(again), alive=first)


def test_a_pruned_worker_that_is_idle_begins_anew(manage: Manage) -> None:
    worker = manage("worker", *QUICK)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_workers")
    result = tasks.add.enqueue(1)
    until(succeeded(result), alive=worker)
    assert "It begins anew" in worker.said
    assert worker.terminate() == 0


def end_connections() -> int:
    """End every other connection to this database, as a server does that is restarted."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name LIKE 'keystone worker%'"
        )
        return int(cursor.fetchone()[0])


def test_lost_connections_are_made_anew(manage: Manage, notes: Path) -> None:
    worker = manage("worker", *QUICK)
    slow = tasks.wait_for.enqueue(path=str(notes), seconds=60)
    until(lambda: noted(notes), alive=worker)
    for _ in range(3):
        assert end_connections() == 2
        result = tasks.add.enqueue(1)
        until(succeeded(result), alive=worker, seconds=10)
    let_end(notes)
    end_connections()
    until(succeeded(slow), alive=worker)
    assert worker.said.count("the database answers again") <= 4
    assert "Traceback" not in worker.said


def test_every_task_runs_once_while_connections_are_ended(manage: Manage, notes: Path, measured: Measured) -> None:
    worker = manage("worker", *QUICK)
    calls = [{"path": str(notes), "word": str(number)} for number in range(300)]
    enqueue_many(tasks.note_word, calls)
    while ProcrastinateJob.objects.exclude(status="succeeded").exists():
        end_connections()
        time.sleep(0.2)
        assert worker.is_running, worker.said
    words = notes.read_text().split()
    assert set(words) == {str(number) for number in range(300)}
    measured(f"300 tasks while connections were ended: lost 0, run again {len(words) - 300}")


def test_a_worker_that_is_held_by_a_task_starts_anew(manage: Manage, notes: Path) -> None:
    worker = manage("worker", *QUICK, "--concurrency", "2")
    hanging = tasks.hang.enqueue(str(notes), 60)
    until(lambda: status(hanging) == "failed", alive=worker)
    until(lambda: worker.said.count("is ready") == 2, alive=worker)
    assert WorkerProcess.objects.count() == 1
    result = tasks.add.enqueue(1)
    until(succeeded(result), alive=worker)
    assert worker.terminate() == 0


def test_a_task_that_somebody_wants_stopped_is_stopped(manage: Manage, notes: Path) -> None:
    worker = manage("worker", *QUICK)
    running = tasks.wait_for.enqueue(path=str(notes), seconds=30)
    until(lambda: noted(notes), alive=worker)
    with connection.cursor() as cursor:
        cursor.execute("SELECT procrastinate_cancel_job_v1(%s, true, false)", [int(running.id)])
    until(lambda: status(running) == "aborted", alive=worker)
    running.refresh()
    assert "It was stopped while it ran." in running.errors[-1].traceback


def test_a_worker_waits_for_its_database_and_says_so_once(manage: Manage, tmp_path: Path) -> None:
    address = {"DATABASE_URL": f"postgresql://nobody@/nothing?host={tmp_path}"}
    worker = ManagedProcess(tmp_path / "early", "worker", *QUICK, environment=address).start(wait=False)
    worker.health_file.touch()  # as one that was killed leaves it behind
    until(lambda: "waiting for the database" in worker.said, alive=worker)
    time.sleep(2)
    assert worker.said.count("\n") == 1, worker.said
    assert not worker.health_file.exists()
    assert worker.terminate() == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--queues", "nowhere"], "There is no queue nowhere"), (["--stalled-after", "5"], "at least twice --heartbeat")],
    ids=["queue", "times"],
)
def test_options_that_do_not_fit_are_refused(tmp_path: Path, arguments: list[str], words: str) -> None:
    worker = ManagedProcess(tmp_path, "worker", *arguments).start(wait=False)
    assert worker.process.wait(timeout=60) == 1
    assert words in worker.said
    assert worker.said.count("\n") == 1


def test_coroutines_and_functions_share_a_worker(manage: Manage) -> None:
    worker = manage("worker", *QUICK)
    made: list[TaskResult[Any, Any]] = [tasks.make_group_async.enqueue(f"async {number}") for number in range(5)]
    made += [tasks.make_group.enqueue(f"sync {number}") for number in range(5)]
    for result in made:
        until(succeeded(result), alive=worker)
    assert Group.objects.count() == 10
    assert default_task_backend.get_result(made[0].id).worker_ids == [
        str(WorkerProcess.objects.values_list("pk", flat=True)[0])
    ]
    assert os.getpid() != worker.process.pid


def test_a_worker_with_a_hanging_task_ends_when_it_is_told_to(manage: Manage, notes: Path) -> None:
    worker = manage("worker", *QUICK, "--shutdown-timeout", "0.2", "--concurrency", "1")
    hanging = tasks.hang_without_limit.enqueue(str(notes), 60)
    until(notes.read_text, alive=worker)
    assert worker.terminate(seconds=15) == 0
    assert status(hanging) == "todo"
    assert worker.said.count("is ready") == 1


def test_others_end_before_a_worker_starts_anew(manage: Manage, notes: Path) -> None:
    worker = manage("worker", *QUICK, "--concurrency", "2")
    other = tasks.wait_for.enqueue(path=str(notes), seconds=60)
    until(lambda: noted(notes), alive=worker)
    hanging = tasks.hang.enqueue(f"{notes}.hang", 60)
    until(lambda: status(hanging) == "failed", alive=worker)
    late = tasks.add.enqueue(1)
    time.sleep(1)
    assert (status(other), status(late)) == ("doing", "todo")
    let_end(notes)
    until(succeeded(late), alive=worker)
    assert status(other) == "succeeded"
    assert worker.said.count("is ready") == 2


def test_a_worker_that_starts_anew_waits_for_the_others_only_so_long(manage: Manage, notes: Path) -> None:
    worker = manage("worker", *QUICK, "--concurrency", "2", "--recycle-timeout", "0.5")
    other = tasks.wait_for.enqueue(path=str(notes), seconds=60)
    until(lambda: noted(notes), alive=worker)
    hanging = tasks.hang.enqueue(f"{notes}.hang", 60)
    until(lambda: worker.said.count("is ready") == 2, alive=worker)
    until(lambda: [note[0] for note in noted(notes)].count("begin") == 2, alive=worker)
    assert (status(other), status(hanging)) == ("doing", "failed")
