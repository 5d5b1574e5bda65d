"""Where the cache is, and what is refused; each shown on a process that starts, or does not."""

import json

import pytest

from config.tests.test_safety import run

SHOW = """
import django, json
django.setup()
from django.conf import settings
from django.core.cache import caches
from django_redis.pool import ConnectionFactory
cache = caches["default"]
found = {"backend": type(cache).__module__}
if hasattr(cache, "client"):
    pool = cache.client.connect().connection_pool
    wanted = ("host", "port", "db", "username", "password", "path", "socket_timeout", "socket_connect_timeout")
    found |= {name: pool.connection_kwargs[name] for name in wanted if pool.connection_kwargs.get(name) is not None}
    found["tls"] = pool.connection_class.__name__
print(json.dumps(found))
"""
LIMITS = {"socket_timeout": 0.25, "socket_connect_timeout": 0.25}


def started(**environment: str) -> tuple[int, str, str]:
    """Start Django in a process of its own; its exit code and what it said."""
    return run("-c", SHOW, DJANGO_SETTINGS_MODULE="config.settings.production", **environment)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"REDIS_SERVER": "cache"}, {"backend": "django.core.cache.backends.locmem"}),
        (
            {"CACHE_ENABLED": "true", "REDIS_SERVER": "cache", "REDIS_DB": "2", "REDIS_PASSWORD": "p@:/%"},
            {"host": "cache", "port": 6379, "db": 2, "password": "p@:/%", "tls": "Connection"},
        ),
        (
            {"CACHE_ENABLED": "true", "REDIS_SERVER": "::1", "REDIS_PORT": "7000"},
            {"host": "::1", "port": 7000, "db": 0, "tls": "Connection"},
        ),
        (
            {
                "CACHE_ENABLED": "true",
                "REDIS_URL": "rediss://me:p%40ss@cache.example.com:6380/3",
                "REDIS_SERVER": "ignored",
                "REDIS_PASSWORD": "ignored",
            },
            {
                "host": "cache.example.com",
                "port": 6380,
                "db": 3,
                "username": "me",
                "password": "p@ss",
                "tls": "SSLConnection",
            },
        ),
    ],
)
def test_where_the_cache_is(variables: dict[str, str], expected: dict[str, object]) -> None:
    code, said, complained = started(**variables)
    assert code == 0, complained
    if "CACHE_ENABLED" in variables:
        expected = {"backend": "keystone.caching.backend", **LIMITS, **expected}
    assert json.loads(said.splitlines()[-1]) == expected


@pytest.mark.parametrize("url", ["http://:hunter2@cache/0", "redis://:hunter2/x@cache:6379/0", "redis:///0", "cache"])
def test_a_wrong_address_is_refused_without_its_password(url: str) -> None:
    code, _said, complained = started(CACHE_ENABLED="true", REDIS_URL=url)
    assert code == 1
    assert "REDIS_URL must look like redis://:password@host:6379/0" in complained
    assert "hunter2" not in complained
