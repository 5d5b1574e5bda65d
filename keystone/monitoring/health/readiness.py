"""Whether this process is ready: the checks together, each looked up at most once a second."""

from dataclasses import dataclass

from django.core.cache import caches
from django.core.exceptions import ImproperlyConfigured
from django_redis.cache import RedisCache
from django_redis.exceptions import ConnectionInterrupted
from redis.exceptions import RedisError

from keystone.monitoring.health import database
from keystone.monitoring.health.database import CRITICAL, DATABASE, OK, OTHERS, UNKNOWN
from keystone.monitoring.health.kept import Kept
from keystone.monitoring.health.pool import is_exhausted

KEPT = 1.0  # seconds: what strangers can ask for costs no more than this
WAIT = 3.0  # seconds; probes should wait a little longer
CACHE = "cache"
UNREACHABLE = "unreachable"


@dataclass(frozen=True)
class Readiness:
    """Each check with `ok`, or with what is wrong."""

    checks: dict[str, str]

    @property
    def is_ready(self) -> bool:
        """Whether requests can be served. What only delays other work is not asked: it would make an outage of it."""
        return all(self.checks[name] == OK for name in CRITICAL)

    @property
    def status(self) -> str:
        """`ok`, `degraded` or `unavailable`."""
        if not self.is_ready:
            return "unavailable"
        return OK if all(said == OK for said in self.checks.values()) else "degraded"


def look_at_cache() -> str:
    """`ok` where Redis answers; empty where each process has a cache of its own."""
    cache = caches["default"]
    if not isinstance(cache, RedisCache):
        return ""
    try:
        cache.client.get_client(write=True).ping()
    except (RedisError, ConnectionInterrupted, ImproperlyConfigured, OSError):
        return UNREACHABLE
    return OK


_database = Kept(database.look, keep=KEPT, wait=WAIT)
_cache = Kept(look_at_cache, keep=KEPT, wait=WAIT)


def readiness() -> Readiness:
    """How this process stands; told within a few seconds, whatever hangs."""
    checks = _database.get() or {**dict.fromkeys((*CRITICAL, *OTHERS), UNKNOWN), DATABASE: _silence()}
    said = _cache.get()
    if said is None:
        said = UNREACHABLE
    return Readiness({**checks, CACHE: said} if said else dict(checks))


def forget() -> None:
    """Look again at once, as tests do."""
    _database.forget()
    _cache.forget()


def _silence() -> str:
    """Why nothing came from the database in time: the look itself may be waiting for a connection."""
    return "pool exhausted" if is_exhausted() else "no answer"
