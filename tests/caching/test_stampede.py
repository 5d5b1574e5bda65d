"""One computes, the others wait, and nobody waits long for one who does not come back."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.cache import caches
from pytest_django import Settings

from keystone.caching import slots
from keystone.caching.backend import RedisCache
from keystone.caching.slots import Slot
from keystone.caching.values import remembered
from tests.at_once import at_once
from tests.caching.redis_server import RedisServer

pytestmark = pytest.mark.django_db(transaction=True)
CALLERS = 20


class Slow:
    """Something that takes a while, and counts how often it was begun."""

    def __init__(self, *, fails: int = 0) -> None:
        self.times = 0
        self.fails = fails
        self._lock = threading.Lock()

    def __call__(self) -> int:
        with self._lock:
            self.times += 1
            number = self.times
        time.sleep(0.2)
        if number <= self.fails:
            raise ZeroDivisionError
        return 7


def kept_plainly(key: str, compute: Callable[[], int]) -> int:
    """As caches are used without more ado."""
    value = caches["default"].get(key)
    if value is None:
        value = compute()
        caches["default"].set(key, value)
    return int(value)


@pytest.mark.usefixtures("shared")
def test_of_twenty_callers_one_computes() -> None:
    slow, plain = Slow(), Slow()
    value = remembered()(slow.__call__)
    assert at_once(*[value] * CALLERS) == [7] * CALLERS
    assert slow.times == 1
    assert at_once(*[lambda: kept_plainly("control", plain)] * CALLERS) == [7] * CALLERS
    assert plain.times > 1


def test_without_redis_one_computes_in_each_process(settings: Settings) -> None:
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "slow"}}
    slow = Slow()
    assert at_once(*[remembered()(slow.__call__)] * CALLERS) == [7] * CALLERS
    assert slow.times == 1


@pytest.mark.usefixtures("shared")
def test_of_twenty_coroutines_one_computes() -> None:
    times = 0

    @remembered()
    async def slow() -> int:
        nonlocal times
        times += 1
        await asyncio.sleep(0.2)
        return 7

    async def all_at_once() -> list[Any]:
        return await asyncio.gather(*(slow() for _ in range(CALLERS)))

    assert async_to_sync(all_at_once)() == [7] * CALLERS
    assert times == 1


@pytest.mark.usefixtures("shared")
def test_one_that_fails_holds_up_nobody() -> None:
    slow = Slow(fails=1)
    begun = time.monotonic()
    results = at_once(*[remembered()(slow.__call__)] * CALLERS)
    assert results.count(7) == CALLERS - 1
    assert [type(result) for result in results if result != 7] == [ZeroDivisionError]
    assert time.monotonic() - begun < slots.LEASE


@pytest.mark.usefixtures("shared")
def test_one_that_dies_is_followed_by_one_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "LEASE", 0.5)
    dead = Slot("what", ()).take()  # and never comes back
    taken: list[object] = []

    def found() -> object:
        hit = Slot("what", ()).take()
        if isinstance(hit, slots.Turn):
            with hit as turn:
                taken.append(turn)
                time.sleep(0.1)
                turn.keep(7, expire=60)
        return None

    assert at_once(*[found] * 5) == [None] * 5
    assert len(taken) == 1
    assert isinstance(dead, slots.Turn)


@pytest.mark.usefixtures("shared")
def test_one_waits_for_so_long_and_then_computes_oneself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "PATIENCE", 0.3)
    assert isinstance(Slot("what", ()).take(), slots.Turn)
    begun = time.monotonic()
    assert isinstance(Slot("what", ()).take(), slots.Turn)
    assert 0.3 <= time.monotonic() - begun < slots.LEASE


def test_the_value_is_right_when_redis_goes_while_others_wait(shared: RedisCache, redis_server: RedisServer) -> None:
    slow = Slow()
    value = remembered()(slow.__call__)

    def kill() -> None:
        time.sleep(0.1)
        redis_server.kill()

    assert at_once(*[value] * CALLERS, kill) == [*[7] * CALLERS, None]
    assert slow.times <= CALLERS
    assert shared.breaker.is_open
