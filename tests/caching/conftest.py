"""A Redis of each test's own as the cache."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.cache import caches
from django_redis.pool import ConnectionFactory
from pytest_django import Settings

from keystone.caching import breaker as breaker_module
from keystone.caching.backend import RedisCache
from tests.caching.redis_server import PROGRAM, RedisServer
from tests.served.conftest import _servers, serve
from tests.served.process import until

__all__ = ["_servers", "serve"]


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A server, running."""
    if not PROGRAM:
        pytest.skip("there is no program redis-server")
    with tempfile.TemporaryDirectory(prefix="kr") as folder:
        server = RedisServer(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.kill()


@pytest.fixture
def shared(redis_server: RedisServer, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisCache]:
    """The cache, in that server; a breaker that tries again soon."""
    monkeypatch.setattr(breaker_module, "PAUSE", 0.05)
    backend = "keystone.caching.backend.RedisCache"
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": redis_server.url, "KEY_PREFIX": "keystone"}}
    cache = caches["default"]
    assert isinstance(cache, RedisCache)
    yield cache
    if redis_server.process.poll() is None:
        redis_server.go_on()
    else:
        redis_server.start()
    until(lambda: not cache.breaker.is_open, seconds=20)  # so that its thread ends
    if pool := ConnectionFactory._pools.pop(redis_server.url, None):
        pool.disconnect()
