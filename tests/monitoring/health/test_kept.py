"""Looks that are slow, that hang and that fail, and how many of them there are."""

import threading
import time

import pytest

from keystone.monitoring.health.kept import Kept
from tests.at_once import at_once


def test_however_many_ask_one_thread_looks() -> None:
    looks: list[int] = []

    def look() -> int:
        looks.append(1)
        time.sleep(0.2)
        return len(looks)

    kept = Kept(look, keep=60, wait=30)
    assert at_once(*[kept.get] * 10) == [1] * 10
    assert kept.get() == 1
    kept.forget()
    assert kept.get() == 2


def test_a_look_that_hangs_is_waited_for_once_and_ends_by_itself() -> None:
    gate = threading.Event()
    threads = threading.active_count()
    kept = Kept(lambda: gate.wait(60), keep=0, wait=0.2)
    assert kept.get() is None
    begun = time.monotonic()
    assert [kept.get() for _ in range(20)] == [None] * 20
    assert time.monotonic() - begun < 2  # nobody else waits: that would be 4 seconds
    assert threading.active_count() == threads + 1
    gate.set()
    end = time.monotonic() + 10
    while kept.get() is None and time.monotonic() < end:
        time.sleep(0.01)
    assert kept.get() is True


def test_a_look_that_fails_is_no_answer_and_is_told(caplog: pytest.LogCaptureFixture) -> None:
    def look() -> int:
        raise LookupError("no such thing")

    kept = Kept(look, keep=60, wait=30)
    assert kept.get() is None
    assert "monitoring could not look: LookupError: no such thing" in caplog.text
