import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import argon2
import pytest
from django.conf import settings as django_settings
from django.contrib.auth.hashers import Argon2PasswordHasher, check_password, get_hasher, make_password
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings
from rest_framework.test import APIClient

from keystone.accounts.backends import confirm_password, person_with_password
from keystone.accounts.registration import register_user
from keystone.passwords import hashing_slots as module
from keystone.passwords.hashers import Argon2idHasher, OlderHasher
from keystone.passwords.hashing_slots import HashingBusy, HashingSlots, hashing_slots
from keystone.testing.factories import PASSWORD, UserFactory

REAL = ["keystone.passwords.hashers.Argon2idHasher", "keystone.passwords.hashers.OlderHasher"]
WATCHED = "tests.passwords.test_hashing_slots.WatchedHasher"
UNCAPPED = "tests.passwords.test_hashing_slots.UncappedHasher"


class Watch:
    """What goes on inside of the slots, and a gate that holds it up."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Begin anew, with an open gate."""
        self.running = 0
        self.most = 0
        self.order: list[str] = []
        self.gate = threading.Event()
        self.gate.set()

    def hash(self, name: str) -> None:
        """Be seen, and wait at the gate."""
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
            self.order.append(name)
        assert self.gate.wait(30)
        time.sleep(0.005)
        with self.lock:
            self.running -= 1


watch = Watch()


class UncappedHasher(Argon2PasswordHasher):
    """Django's own, watched. Behind our hasher it sees what runs inside of the slots."""

    memory_cost = 8
    time_cost = 1
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        watch.hash(password)
        return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        watch.hash(password)
        return super().verify(password, encoded)


class WatchedHasher(Argon2idHasher, UncappedHasher):
    """Ours, watched; cheap, since it is not the hash that is tested."""

    memory_cost = 8
    time_cost = 1


@pytest.fixture
def watched(settings: Settings) -> Iterator[Watch]:
    """Passwords are hashed under the eyes of the watch."""
    watch.forget()
    settings.PASSWORD_HASHERS = [WATCHED]
    yield watch
    watch.gate.set()


@pytest.fixture
def limits(settings: Settings) -> Callable[..., None]:
    """Sets how many hash at once and how many wait."""

    def limit(*, parallel: int, waiting: int) -> None:
        settings.KEYSTONE = {
            **django_settings.KEYSTONE,
            "PASSWORD_HASHING_PARALLEL": parallel,
            "PASSWORD_HASHING_WAITING": waiting,
        }

    return limit


def until(condition: Callable[[], bool]) -> None:
    """Wait for what other threads bring about."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_never_more_hashes_run_at_once_than_there_are_slots(watched: Watch, limits: Callable[..., None]) -> None:
    limits(parallel=2, waiting=100)
    with ThreadPoolExecutor(16) as pool:
        hashes = list(pool.map(make_password, [f"password {number}" for number in range(48)]))
        right = list(pool.map(check_password, [f"password {number}" for number in range(48)], hashes))
    assert right == [True] * 48
    assert (watched.most, len(watched.order)) == (2, 96)


def test_control_without_slots_as_many_hashes_run_at_once_as_are_asked_for(watched: Watch, settings: Settings) -> None:
    settings.PASSWORD_HASHERS = [UNCAPPED]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(make_password, [f"password {number}" for number in range(48)]))
    assert watched.most > 2


def test_who_finds_the_queue_full_is_told_to_come_again(watched: Watch, limits: Callable[..., None]) -> None:
    limits(parallel=1, waiting=2)
    watched.gate.clear()
    with ThreadPoolExecutor(3) as pool:
        calls: list[Future[str]] = []
        for name in ("first", "second", "third"):
            calls.append(pool.submit(make_password, name))
            until(lambda: watched.running + hashing_slots().waiting == len(calls))
        assert (watched.running, hashing_slots().waiting) == (1, 2)
        with pytest.raises(HashingBusy) as caught:
            make_password("fourth")
        with pytest.raises(HashingBusy):
            check_password("fifth", Argon2PasswordHasher().encode("fifth", "salt" * 6))
        watched.gate.set()
        assert all(call.result().startswith("argon2$") for call in calls)
    assert (caught.value.code, caught.value.status, caught.value.retry_after) == ("busy", 503, 1)
    assert str(caught.value) == "Too many people are signing in at this moment. Try again in a moment."
    assert watched.order == ["first", "second", "third"]  # in the order of asking
    assert make_password("sixth")


def test_nobody_waits_longer_than_the_longest_wait(
    watched: Watch, limits: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert module.LONGEST_WAIT == 4.0
    monkeypatch.setattr(module, "LONGEST_WAIT", 0.2)
    limits(parallel=1, waiting=1)
    watched.gate.clear()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(make_password, "first")
        until(lambda: watched.running == 1)
        started = time.monotonic()
        with pytest.raises(HashingBusy):
            make_password("second")
        assert 0.2 <= time.monotonic() - started < 3.9
        assert hashing_slots().waiting == 0
        watched.gate.set()
        assert first.result()
    assert make_password("third")
    assert watched.order == ["first", "third"]


def test_who_comes_now_does_not_overtake_who_waits(limits: Callable[..., None]) -> None:
    limits(parallel=1, waiting=9)
    slots, order = HashingSlots(), []

    def work(number: int) -> None:
        with slots.slot():
            order.append(number)

    with ThreadPoolExecutor(9) as pool:
        with slots.slot():
            for number in range(9):
                pool.submit(work, number)
                until(lambda: slots.waiting == number + 1)  # noqa: B023 - called in this round
        work(9)
    assert order == list(range(10))


@pytest.mark.parametrize("hasher", [Argon2idHasher(), OlderHasher()])
def test_a_hash_that_fails_leaves_its_slot(hasher: Argon2idHasher | OlderHasher, limits: Callable[..., None]) -> None:
    limits(parallel=2, waiting=0)
    for _ in range(5):
        with pytest.raises((ValueError, argon2.exceptions.HashingError)):
            hasher.encode("correct horse", "$" if isinstance(hasher, OlderHasher) else "short")
        with pytest.raises((ValueError, argon2.exceptions.InvalidHashError)):
            hasher.verify("correct horse", f"{hasher.algorithm}$nonsense")
    with hashing_slots().slot(), hashing_slots().slot(), pytest.raises(HashingBusy), hashing_slots().slot():
        pytest.fail("There are two slots.")


def test_an_interrupted_wait_leaves_the_queue(limits: Callable[..., None]) -> None:
    limits(parallel=1, waiting=1)
    slots = HashingSlots()

    class Interrupted(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            raise KeyboardInterrupt

    with slots.slot():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(threading, "Event", Interrupted)
            with pytest.raises(KeyboardInterrupt), slots.slot():
                pytest.fail("The slot is taken.")
        assert slots.waiting == 0
    with slots.slot():
        pass


def test_both_hashers_of_the_settings_need_a_slot(settings: Settings, limits: Callable[..., None]) -> None:
    settings.PASSWORD_HASHERS = REAL
    ours, older = make_password("correct horse"), OlderHasher().encode("correct horse", "salt" * 6, 1_000)
    limits(parallel=1, waiting=0)
    assert check_password("correct horse", ours)
    assert check_password("correct horse", older)  # one slot at a time: it would be refused a second
    get_hasher("pbkdf2_sha256").harden_runtime("correct horse", older)
    with hashing_slots().slot():
        for encoded in (ours, older, "!", "nonsense"):
            with pytest.raises(HashingBusy):
                check_password("correct horse", encoded)
        for hasher in ("argon2", "pbkdf2_sha256"):
            with pytest.raises(HashingBusy):
                make_password("correct horse", hasher=hasher)
        assert make_password(None).startswith("!")


def test_what_could_not_be_hashed_is_refused_early(limits: Callable[..., None]) -> None:
    limits(parallel=1, waiting=1)
    slots = HashingSlots()
    slots.refuse_when_full()
    with ThreadPoolExecutor(1) as pool:
        with slots.slot():
            slots.refuse_when_full()  # one may wait

            def work() -> None:
                with slots.slot():
                    pass

            second = pool.submit(work)
            until(lambda: slots.waiting == 1)
            with pytest.raises(HashingBusy):
                slots.refuse_when_full()
        second.result()
    slots.refuse_when_full()


def test_the_limits_follow_the_settings(limits: Callable[..., None]) -> None:
    limits(parallel=1, waiting=0)
    with hashing_slots().slot():
        limits(parallel=2, waiting=0)
        with hashing_slots().slot():
            limits(parallel=1, waiting=0)
            with pytest.raises(HashingBusy), hashing_slots().slot():
                pytest.fail("There is one slot.")
        with pytest.raises(HashingBusy), hashing_slots().slot():
            pytest.fail("There is one slot.")
    with hashing_slots().slot():
        pass


def test_the_hashes_of_a_block_use_the_slot_that_it_has_reserved(watched: Watch, limits: Callable[..., None]) -> None:
    limits(parallel=1, waiting=0)
    with hashing_slots().reserved_slot():
        assert check_password("correct horse", make_password("correct horse"))
        with hashing_slots().reserved_slot():
            make_password("correct horse")
        make_password("correct horse")
        with ThreadPoolExecutor(1) as pool, pytest.raises(HashingBusy):
            pool.submit(make_password, "correct horse").result()
    with hashing_slots().slot(), pytest.raises(HashingBusy), hashing_slots().slot():
        pytest.fail("Nothing is reserved any more.")


@pytest.mark.django_db
def test_who_waits_for_a_slot_has_asked_the_database_nothing(limits: Callable[..., None]) -> None:
    limits(parallel=1, waiting=0)
    user = UserFactory()
    with hashing_slots().slot(), CaptureQueriesContext(connection) as made:
        with pytest.raises(HashingBusy):
            person_with_password(user.email, PASSWORD)
        with pytest.raises(HashingBusy):
            confirm_password(user, PASSWORD)
        with pytest.raises(HashingBusy):
            register_user(email="new@example.com", password="a good long one")
    assert made.captured_queries == []


@pytest.mark.slow
def test_a_forked_process_has_all_its_slots() -> None:
    program = (
        "import django, os; django.setup()\n"
        "from keystone.passwords.hashing_slots import hashing_slots\n"
        "with hashing_slots().slot():\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        with hashing_slots().slot(): os._exit(7)\n"
        "    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    environment = {
        "DJANGO_SETTINGS_MODULE": "config.settings.testing",
        "PATH": os.environ["PATH"],
        "PASSWORD_HASHING_PARALLEL": "1",
        "PASSWORD_HASHING_WAITING": "0",
    }
    command = [sys.executable, "-c", program]
    result = subprocess.run(command, cwd=django_settings.BASE_DIR, env=environment, capture_output=True, text=True)
    assert (result.stdout.strip(), result.stderr) == ("7", "")


@pytest.mark.django_db
def test_the_api_tells_a_busy_caller_when_to_come_again(
    api: APIClient, settings: Settings, limits: Callable[..., None]
) -> None:
    settings.PASSWORD_HASHERS = REAL
    limits(parallel=1, waiting=0)
    body = {"email": "nobody@example.com", "password": "wrong"}
    with hashing_slots().slot():
        answer = api.post("/api/auth/login/", body)
    assert (answer.status_code, answer.json()["error"]["code"], answer["Retry-After"]) == (503, "busy", "1")
    assert api.post("/api/auth/login/", body).status_code == 401
