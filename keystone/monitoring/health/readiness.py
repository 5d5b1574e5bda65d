"""The readiness of this process: all checks, each made at most once per second."""

from dataclasses import dataclass

from django.core.cache import caches
from django_redis.cache import RedisCache

from keystone.monitoring.health import database
from keystone.monitoring.health.database import CRITICAL, DATABASE, OK, OTHERS, UNKNOWN
from keystone.monitoring.health.kept import Kept
from keystone.monitoring.health.pool import is_exhausted

KEPT = 1.0  # seconds; limits the cost of requests by strangers
WAIT = 3.0  # seconds; probes should wait a little longer
CACHE = "cache"
UNREACHABLE = "unreachable"


@dataclass(frozen=True)
class Readiness:
    """The result of each check: `ok`, or what is wrong."""

    checks: dict[str, str]

    @property
    def is_ready(self) -> bool:
        """Whether requests can be served. Checks of background work are ignored, so that its delays cause no outage."""
        return all(self.checks[name] == OK for name in CRITICAL)

    @property
    def status(self) -> str:
        """The overall status: `ok`, `degraded` or `unavailable`."""
        if not self.is_ready:
            return "unavailable"
        return OK if all(said == OK for said in self.checks.values()) else "degraded"


def check_cache() -> str:
    """Return `ok` if Redis responds, or `unreachable`; empty if Redis is not the cache."""
    cache = caches["default"]
    if not isinstance(cache, RedisCache):
        return ""
    try:
        cache.client.get_client(write=True).ping()
    except Exception:  # noqa: BLE001 - its client and pool raise many, and to import them takes a quarter of a second
        return UNREACHABLE
    return OK


_database = Kept(database.check_database, keep=KEPT, wait=WAIT)
_cache = Kept(check_cache, keep=KEPT, wait=WAIT)


def readiness() -> Readiness:
    """Return the readiness of this process within a few seconds, even if something hangs."""
    checks = _database.get() or {**dict.fromkeys((*CRITICAL, *OTHERS), UNKNOWN), DATABASE: _silence()}
    said = _cache.get()
    if said is None:
        said = UNREACHABLE
    return Readiness({**checks, CACHE: said} if said else dict(checks))


def forget() -> None:
    """Expire the results, for tests."""
    _database.forget()
    _cache.forget()


def _silence() -> str:
    """Return why the database's checks were not made in time: they may be waiting for a connection."""
    return "pool exhausted" if is_exhausted() else "no answer"
