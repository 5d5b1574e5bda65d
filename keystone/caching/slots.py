"""Cache slots: who computes a value, who waits, and whether the stored one is valid."""

import asyncio
import hashlib
import math
import time
from dataclasses import dataclass
from typing import Any, Self

from asgiref.sync import sync_to_async
from django.core.cache import DEFAULT_CACHE_ALIAS, caches
from django.core.cache.backends.locmem import LocMemCache
from django.core.exceptions import ImproperlyConfigured

from keystone.caching.changes import is_writing
from keystone.caching.tokens import ModelOrLabel, is_shared, keys_of, token

POLL = 0.03  # seconds between two looks of somebody who waits
LEASE = 5.0  # seconds after which another one computes: who was at it has died, or takes long
PATIENCE = 10.0  # seconds after which a caller stops waiting and recomputes
NOT_KEPT = 2  # seconds in which nobody waits for what was computed and could not be kept
MADE, NONE_KEPT = "made", "none kept"
_local = LocMemCache("keystone.caching", {"OPTIONS": {"MAX_ENTRIES": 50}})


@dataclass(frozen=True)
class Hit:
    """What is kept, and for how many seconds more."""

    payload: Any
    left: int


@dataclass
class Turn:
    """Leave to compute. As a context: whoever comes out of it without having kept anything lets the others know.

    Attributes:
        tokens: those that were in force before it was computed; None where nothing can be kept.
        mark: of the lease; None where there is none.
    """

    slot: "Slot"
    tokens: list[Any] | None = None
    mark: int | None = None
    is_kept: bool = False

    def keep(self, payload: Any, *, expire: int, elsewhere: "Slot | None" = None) -> None:
        """Keep it; `elsewhere` where the place is only known now."""
        if self.tokens is None or is_writing(self.slot.models):
            return
        place = elsewhere or self.slot
        self.slot.cache.set(place.key, (MADE, self.tokens, time.time() + expire, payload), expire)
        self.is_kept = place.key == self.slot.key

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.mark is None:
            return
        cache = self.slot.cache
        if not self.is_kept:
            cache.set(self.slot.key, (NONE_KEPT, [], 0, None), NOT_KEPT)
        if cache.get(self.slot.lease) == self.mark:
            cache.delete(self.slot.lease)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await sync_to_async(self.__exit__)()


@dataclass(frozen=True)
class _Seen:
    tokens: list[Any] | None = None  # None: they cannot be known
    hit: Hit | None = None
    nobody_waits: bool = False


class Slot:
    """A place.

    Args:
        what: all that the answer depends on, each as it is written by `repr`.
        models: the answer counts as long as no row of theirs was written.
        local: whether it is in the memory of this process alone.
    """

    def __init__(self, what: object, models: tuple[ModelOrLabel, ...], *, local: bool = False) -> None:
        if local and models:
            raise ImproperlyConfigured("What one process keeps for itself cannot be voided by what others commit.")
        digest = hashlib.sha256(repr(what).encode(errors="surrogatepass")).hexdigest()
        self.key, self.lease = f"caching:made:{digest}", f"caching:lease:{digest}"
        self.models, self.local = models, local

    @property
    def cache(self) -> Any:
        """The cache that it is in."""
        return _local if self.local else caches[DEFAULT_CACHE_ALIAS]

    def take(self) -> Hit | Turn:
        """What is kept, or leave to compute; it waits for another one who is at it."""
        end = time.monotonic() + PATIENCE
        while (found := self._look(may_wait=time.monotonic() < end)) is None:
            time.sleep(POLL)
        return found

    async def atake(self) -> Hit | Turn:
        """The same, for coroutines."""
        look = sync_to_async(self._look)  # in the thread that has the coroutine's connections
        end = time.monotonic() + PATIENCE
        while (found := await look(may_wait=time.monotonic() < end)) is None:
            await asyncio.sleep(POLL)
        return found

    def _look(self, *, may_wait: bool) -> Hit | Turn | None:
        """None says that another one computes it at this moment."""
        if self.models and (not is_shared() or is_writing(self.models)):
            return Turn(self)
        seen = self._see()
        if seen.hit or seen.tokens is None:
            return seen.hit or Turn(self)
        if seen.nobody_waits or not may_wait:
            return Turn(self, seen.tokens)
        mark = token()
        is_ours: bool | None = self.cache.add(self.lease, mark, LEASE)
        if is_ours is None:  # the cache has just gone away
            return Turn(self)
        if not is_ours:
            return None
        seen = self._see()  # somebody may have finished between the two
        if seen.hit:
            Turn(self, mark=mark, is_kept=True).__exit__()
            return seen.hit
        return Turn(self, seen.tokens, mark)

    def _see(self) -> _Seen:
        cache, keys = self.cache, keys_of(self.models)
        try:
            found = cache.get_many([*keys, self.key])
        except Exception:  # noqa: BLE001 - what another version of the code has kept may fail in any way to be read
            cache.delete(self.key)
            return _Seen()
        tokens = [_new(cache, key) if found.get(key) is None else found[key] for key in keys]
        if None in tokens:
            return _Seen()
        match found.get(self.key):
            case (str(kind), list(made_under), float(until), payload) if kind == MADE and made_under == tokens:
                left = math.ceil(until - time.time())
                return _Seen(tokens, Hit(payload, left) if left > 0 else None)
            case (str(kind), *_) if kind == NONE_KEPT:
                return _Seen(tokens, nobody_waits=True)
        return _Seen(tokens)


def _new(cache: Any, key: str) -> Any:
    """The token that is now there; None where the cache does not answer."""
    mark = token()
    return mark if cache.add(key, mark, None) else cache.get(key)
