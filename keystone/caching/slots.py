"""Places in the cache, and whether what is there is still valid."""

import hashlib
import math
import time
from dataclasses import dataclass
from typing import Any

from django.core.cache import DEFAULT_CACHE_ALIAS, caches
from django.core.cache.backends.locmem import LocMemCache
from django.core.exceptions import ImproperlyConfigured

from keystone.caching.versions import ModelOrLabel, is_shared, is_writing, keys_of, new_version

_local = LocMemCache("keystone.caching", {"OPTIONS": {"MAX_ENTRIES": 50}})


@dataclass(frozen=True)
class Hit:
    """What is cached, and for how many seconds more."""

    payload: Any
    left: int


@dataclass(frozen=True)
class Miss:
    """Nothing is cached.

    Attributes:
        versions: those that are in force before the value is computed; None where it cannot be cached.
    """

    versions: list[Any] | None = None


class Slot:
    """A place in the cache.

    Args:
        what: all that the value depends on, each as it is written by `repr`.
        models: the value is valid as long as their versions do not change.
        local: whether it is in the memory of this process alone.
    """

    def __init__(self, what: object, models: tuple[ModelOrLabel, ...], *, local: bool = False) -> None:
        if local and models:
            raise ImproperlyConfigured("What one process caches for itself cannot be voided by what others commit.")
        self.key = f"caching:value:{hashlib.sha256(repr(what).encode(errors='surrogatepass')).hexdigest()}"
        self.models, self.local = models, local

    @property
    def cache(self) -> Any:
        """The cache that it is in."""
        return _local if self.local else caches[DEFAULT_CACHE_ALIAS]

    def look_up(self) -> Hit | Miss:
        """Find what is cached."""
        keys = keys_of(self.models)
        if self.models and (not is_shared() or is_writing(self.models)):
            return Miss()
        cache = self.cache
        try:
            found = cache.get_many([*keys, self.key])
        except Exception:  # noqa: BLE001 - what another version of the code has cached may fail in any way to be read
            cache.delete(self.key)
            return Miss()
        versions = [_made(cache, key) if found.get(key) is None else found[key] for key in keys]
        if None in versions:
            return Miss()
        match found.get(self.key):
            case (list(made_under), float(until), payload) if made_under == versions and until > time.time():
                return Hit(payload, math.ceil(until - time.time()))
        return Miss(versions)

    def store(self, payload: Any, miss: Miss, *, expire: int) -> None:
        """Cache what was computed after a miss, for so many seconds."""
        if miss.versions is not None and not is_writing(self.models):
            self.cache.set(self.key, (miss.versions, time.time() + expire, payload), expire)


def _made(cache: Any, key: str) -> Any:
    """The version that is now there; None where the cache does not answer."""
    version = new_version()
    return version if cache.add(key, version, None) else cache.get(key)
