"""Tasks that the tests queue, also for workers in processes of their own: what they do, they note in a file."""

import asyncio
import contextlib
import json
import os
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.tasks import TaskContext
from django.tasks import task as django_task
from django.utils import timezone, translation

from keystone.background.declaring import task
from keystone.background.retries import GiveUp, RetryLater
from keystone.observability.origin import current_origin


class Trouble(Exception):  # noqa: N818 - a word for tests
    """What a task fails with."""


def note(path: str, text: str) -> None:
    """Add a line to a file."""
    with Path(path).open("a") as file:
        file.write(f"{text}\n")


@task()
def add(first: int, second: int = 0) -> int:
    return first + second


@django_task
def plain(word: str) -> str:
    return word.upper()


@task()
async def add_async(first: int, second: int = 0) -> int:
    await asyncio.sleep(0)
    return first + second


@task()
async def make_group_async(name: str) -> int:
    group = await Group.objects.acreate(name=name)
    return int(group.pk)


@task()
def make_group(name: str) -> None:
    Group.objects.create(name=name)


@task(queue_name="mail", priority=5)
def mail_something() -> None:
    """Nothing."""


@task()
def note_word(*, path: str, word: str) -> None:
    note(path, word)


@task(max_attempts=3)
def fail(text: str = "no") -> None:
    raise Trouble(text)


@task(max_attempts=1)
def fail_for_good(text: str) -> None:
    raise Trouble(text)


@task()
def give_up() -> None:
    raise GiveUp("it is of no use")


@task(max_attempts=1)
def later(*, seconds: float) -> None:
    raise RetryLater("not yet", after=timedelta(seconds=seconds))


@task(max_attempts=1)
def leave() -> None:
    raise SystemExit(3)


@task(max_attempts=1)
def give_back_an_object() -> Any:
    return object()


@django_task(takes_context=True)
def attempt_of(context: "TaskContext[Any, Any]", word: str) -> list[Any]:
    return [word, context.attempt, context.task_result.id]


@task()
def surroundings() -> list[str]:
    origin = current_origin()
    return [origin.request_id, translation.get_language() or "", timezone.get_current_timezone_name()]


@task(timeout=0.2, max_attempts=1)
def run_on(path: str) -> None:
    with transaction.atomic():
        Group.objects.create(name="half done")
        with contextlib.suppress(Exception):
            for _ in range(500):
                time.sleep(0.01)
        note(path, "went on")


@task(timeout=0.2, max_attempts=1)
async def run_on_async(path: str) -> None:
    await asyncio.sleep(5)
    note(path, "went on")


@task(timeout=0.2, max_attempts=1)
def hang(path: str, seconds: float) -> int:
    note(path, "hangs")
    time.sleep(seconds)  # one long wait inside C
    note(path, "came back")
    return 1


@task(timeout=None, max_attempts=1)
def hang_without_limit(path: str, seconds: float) -> None:
    note(path, "hangs")
    time.sleep(seconds)


@task(timeout=0.2, max_attempts=1)
async def block_the_loop(seconds: float) -> None:
    time.sleep(seconds)


@task(max_attempts=2)
def wait_for(*, path: str, seconds: float, word: str = "") -> str:
    """Note the begin and the end, with the process. It ends early once there is a file beside the notes, `*.end`."""
    note(path, json.dumps(["begin", os.getpid(), word]))
    end = time.monotonic() + seconds
    while time.monotonic() < end and not Path(f"{path}.end").exists():
        time.sleep(0.02)
    note(path, json.dumps(["end", os.getpid(), word]))
    return word


@task()
def backend_pid() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return [int(cursor.fetchone()[0]), threading.get_ident()]


@task(max_attempts=1)
def kill_the_worker(path: str) -> None:
    note(path, "killed")
    os.kill(os.getpid(), 9)
