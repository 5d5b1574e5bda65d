"""Where the cache is, and what production refuses."""

import pytest
from django.core.cache import CacheHandler
from django.core.exceptions import ImproperlyConfigured

from tests.settings.production import loaded

LIMITS = {"socket_timeout": 0.25, "socket_connect_timeout": 0.25}
OPTIONS = ("host", "port", "db", "username", "password", "path", *LIMITS)


def where(**variables: str) -> dict[str, object]:
    """The backend of production's cache, and how it would connect."""
    cache = CacheHandler(loaded(**variables).CACHES)["default"]
    found: dict[str, object] = {"backend": type(cache).__module__}
    if hasattr(cache, "client"):
        pool = cache.client.connect().connection_pool
        found |= {
            name: pool.connection_kwargs[name] for name in OPTIONS if pool.connection_kwargs.get(name) is not None
        }
        found["tls"] = pool.connection_class.__name__
    return found


def test_where_the_cache_is() -> None:
    shared = {"backend": "keystone.caching.backend", **LIMITS}
    on = {"CACHE_ENABLED": "true"}
    assert where(REDIS_SERVER="cache") == {"backend": "django.core.cache.backends.locmem"}
    assert where(**on, REDIS_SERVER="cache", REDIS_DB="2", REDIS_PASSWORD="p@:/%") == {
        **shared,
        "host": "cache",
        "port": 6379,
        "db": 2,
        "password": "p@:/%",
        "tls": "Connection",
    }
    assert where(**on, REDIS_SERVER="::1", REDIS_PORT="7000") == {
        **shared,
        "host": "::1",
        "port": 7000,
        "db": 0,
        "tls": "Connection",
    }
    url = "rediss://me:p%40ss@cache.example.com:6380/3"
    assert where(**on, REDIS_URL=url, REDIS_SERVER="ignored", REDIS_PASSWORD="ignored") == {
        **shared,
        "host": "cache.example.com",
        "port": 6380,
        "db": 3,
        "username": "me",
        "password": "p@ss",
        "tls": "SSLConnection",
    }


def test_a_wrong_address_is_refused_without_its_password(subtests: pytest.Subtests) -> None:
    for url in ("http://:hunter2@cache/0", "redis://:hunter2/x@cache:6379/0", "redis:///0", "cache"):
        with subtests.test(url=url):
            with pytest.raises(ImproperlyConfigured) as refusal:
                loaded(CACHE_ENABLED="true", REDIS_URL=url)
            assert "REDIS_URL must look like redis://:password@host:6379/0" in str(refusal.value)
            assert "hunter2" not in str(refusal.value)
