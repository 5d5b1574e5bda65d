"""Redis down and hung: after the first failed call no other is made, nothing fails, and nothing old comes back."""

import logging
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from pytest_django import Settings

from keystone.accounts.models import User
from keystone.caching import breaker as breaker_module
from keystone.caching.backend import RedisCache
from keystone.caching.breaker import Breaker
from keystone.caching.values import remembered
from keystone.caching.versions import ERA
from keystone.testing.factories import UserFactory
from tests.at_once import at_once
from tests.caching.redis_server import RedisServer
from tests.measures import Measured
from tests.served.process import until
from tests.silent_server import silent_server

CALLS: list[tuple[Callable[[Any], object], object]] = [
    (lambda cache: cache.get("a", "default"), "default"),
    (lambda cache: cache.get_many(["a", "b"]), {}),
    (lambda cache: cache.set("a", 1), None),
    (lambda cache: cache.set_many({"a": 1}), None),
    (lambda cache: cache.add("a", 1), None),
    (lambda cache: cache.incr("a"), None),
    (lambda cache: cache.touch("a"), None),
    (lambda cache: cache.ttl("a"), None),
    (lambda cache: cache.delete("a"), None),
    (lambda cache: cache.has_key("a"), None),
    (lambda cache: cache.get_or_set("a", 5), 5),
    (lambda cache: cache.clear(), None),
]


def test_a_redis_that_hangs_is_asked_once_by_ten_calls_and_by_twenty_threads(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, measured: Measured, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(breaker_module, "PAUSE", 3600)
    with silent_server() as (port, connections):
        location = f"redis://:hunter2@127.0.0.1:{port}/0"
        settings.CACHES = {"default": {"BACKEND": "keystone.caching.backend.RedisCache", "LOCATION": location}}
        cache = caches["default"]
        begun = time.perf_counter()
        for _ in range(10):
            assert cache.get("a") is None
        took = time.perf_counter() - begun
        assert len(connections) == 1
        at_once(*[lambda: caches["default"].get("a")] * 20)
        assert len(connections) == 1
        measured(f"ten calls to a Redis that hangs: {took * 1000:.0f} ms, all of it the first one's")
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert warnings[0].startswith("The cache does not answer, and is left alone until it does: ")
    assert "hunter2" not in warnings[0]


@pytest.mark.parametrize("fault", [RedisServer.kill, RedisServer.hang], ids=["down", "hung"])
def test_nothing_fails_without_redis(
    shared: RedisCache, redis_server: RedisServer, fault: Callable[[RedisServer], None]
) -> None:
    shared.set("a", 1)
    assert shared.get("a") == 1
    fault(redis_server)
    assert [call(shared) for call, _ in CALLS] == [expected for _, expected in CALLS]
    assert shared.breaker.is_open


def test_the_end_of_a_fault_is_noticed_and_said_once(
    shared: RedisCache, redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "keystone.caching")
    redis_server.hang()
    assert shared.get("a") is None
    redis_server.go_on()
    until(lambda: not shared.breaker.is_open)
    shared.set("a", 1)
    assert shared.get("a") == 1
    said = [record.getMessage() for record in caplog.records if record.name.startswith("keystone.caching")]
    assert [line.split(",")[0].split(".")[0] for line in said] == [
        "The cache does not answer",
        "The cache answers again",
    ]


@pytest.mark.parametrize("fault", ["down", "hung"])
@pytest.mark.django_db(transaction=True)
def test_what_was_written_meanwhile_is_not_stale_when_redis_is_back(
    shared: RedisCache, redis_server: RedisServer, fault: str
) -> None:
    @remembered(models=(User,))
    def number() -> int:
        return int(User.objects.count())

    assert number() == number() == 0
    if fault == "down":
        redis_server.kill()
    else:
        redis_server.hang()
    UserFactory()  # nobody can be told
    assert number() == 1
    if fault == "down":
        redis_server.start()  # with all that it had
    else:
        redis_server.go_on()
    with redis_server.client() as client:
        assert len(list(client.scan_iter("*caching:value*"))) == 1
    assert number() == 1
    until(lambda: not shared.breaker.is_open)
    assert number() == 1
    UserFactory()
    assert number() == number() == 2


@pytest.mark.django_db(transaction=True)
def test_a_redis_that_forgot_while_nobody_asked_it_is_not_believed(
    shared: RedisCache, redis_server: RedisServer, tmp_path: Path
) -> None:
    @remembered(models=(User,))
    def number() -> int:
        return int(User.objects.count())

    assert number() == number() == 0
    saved = tmp_path / "saved"
    shutil.copytree(redis_server.folder / "appendonlydir", saved)
    UserFactory()
    assert number() == 1
    redis_server.kill()
    shutil.rmtree(redis_server.folder / "appendonlydir")
    shutil.copytree(saved, redis_server.folder / "appendonlydir")
    redis_server.start()
    with redis_server.client() as client:
        assert len(list(client.scan_iter("*caching:value*"))) == 1  # as it was before the commit
    assert number() == number() == 1
    assert not shared.breaker.is_open  # no call failed that would have told

    with redis_server.client() as client:  # a server that does not say which one it is, is used as it is
        client.acl_setuser("default", enabled=True, commands=["-info"])
    shared.client.get_client().connection_pool.disconnect()
    assert number() == 1
    assert shared.get_many([ERA]) != {}


@pytest.mark.django_db(transaction=True)
def test_a_redis_that_takes_nothing_more_is_not_read_from(shared: RedisCache, redis_server: RedisServer) -> None:
    @remembered(models=(User,))
    def number() -> int:
        return int(User.objects.count())

    assert number() == 0
    with redis_server.client() as client:
        client.config_set("maxmemory", 1)  # with its usual policy it then refuses to write
        UserFactory()
        assert number() == 1
        assert shared.breaker.is_open
        client.config_set("maxmemory", 0)


def test_what_fails_while_the_fault_is_mended_is_mended_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breaker_module, "PAUSE", 0.01)
    tries: list[int] = []

    def mend() -> None:
        tries.append(1)
        if len(tries) == 1:
            breaker.fail(OSError("of a write that came after what was mended"))

    breaker = Breaker(mend)
    breaker.fail(OSError("the first"))
    until(lambda: not breaker.is_open)
    assert len(tries) == 2
