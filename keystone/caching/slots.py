"""Slots in the cache, and whether their values are still valid."""

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
    """A cached value, and for how many more seconds it is valid."""

    payload: Any
    left: int


@dataclass(frozen=True)
class Miss:
    """No valid value is cached.

    Attributes:
        versions: the versions before the value is computed; None if it can't be cached.
    """

    versions: list[Any] | None = None


class Slot:
    """A slot for one value in the cache.

    Args:
        what: everything that the value depends on, identified by its `repr()`.
        models: the value is valid as long as the versions of these models don't change.
        local: whether it is stored only in this process's memory.
    """

    def __init__(self, what: object, models: tuple[ModelOrLabel, ...], *, local: bool = False) -> None:
        if local and models:
            raise ImproperlyConfigured("What one process caches for itself cannot be voided by what others commit.")
        self.key = f"caching:value:{hashlib.sha256(repr(what).encode(errors='surrogatepass')).hexdigest()}"
        self.models, self.local = models, local

    @property
    def cache(self) -> Any:
        """The cache that the slot is in."""
        return _local if self.local else caches[DEFAULT_CACHE_ALIAS]

    def look_up(self) -> Hit | Miss:
        """Return the cached value as a `Hit`, or a `Miss`."""
        keys = keys_of(self.models)
        if self.models and (not is_shared() or is_writing(self.models)):
            return Miss()
        cache = self.cache
        try:
            found = cache.get_many([*keys, self.key])
        except Exception:  # noqa: BLE001 - a value cached by another version of the code may raise any exception
            cache.delete(self.key)
            return Miss()
        versions = [_create_version(cache, key) if found.get(key) is None else found[key] for key in keys]
        if None in versions:
            return Miss()
        match found.get(self.key):
            case (list(made_under), float(until), payload) if made_under == versions and until > time.time():
                return Hit(payload, math.ceil(until - time.time()))
        return Miss(versions)

    def store(self, payload: Any, miss: Miss, *, expire: int) -> None:
        """Cache a value computed after a miss for `expire` seconds."""
        if miss.versions is not None and not is_writing(self.models):
            self.cache.set(self.key, (miss.versions, time.time() + expire, payload), expire)


def _create_version(cache: Any, key: str) -> Any:
    """Return the key's version, newly created if needed; None if the cache is unavailable."""
    version = new_version()
    return version if cache.add(key, version, None) else cache.get(key)
