"""The Redis cache: if Redis is down or hangs, one call is slow, and none fails."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from django_redis.cache import RedisCache as DjangoRedisCache
from django_redis.exceptions import ConnectionInterrupted
from redis import Redis
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from keystone.caching.breaker import Breaker
from keystone.caching.versions import ERA, new_version

TIMEOUT = 0.25  # seconds, to connect and for each response
RUN = "caching:run"  # the server's run id under which the cached data was written
RUN_ID = re.compile(r"^run_id:(\w+)", re.MULTILINE)
AWAY = (RedisConnectionError, RedisTimeoutError, OSError)
_breakers: dict[str, Breaker] = {}


class NotAskedError(RedisConnectionError):
    """Redis did not respond a moment ago, so no command is sent."""


class GuardedPipeline(Pipeline):
    """A pipeline behind the circuit breaker."""

    breaker: Breaker

    def execute(self, raise_on_error: bool = True) -> list[Any]:  # noqa: FBT001, FBT002 - the client's signature
        with _guarded(self.breaker, self):
            return super().execute(raise_on_error)


class GuardedRedis(Redis):
    """A client behind the circuit breaker."""

    def __init__(self, *args: Any, breaker: Breaker, **options: Any) -> None:
        super().__init__(*args, **options)
        self.breaker = breaker

    def execute_command(self, *args: Any, **options: Any) -> Any:
        with _guarded(self.breaker, self):
            return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]  # the client has no types here

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> GuardedPipeline:  # noqa: FBT001, FBT002 - the client's signature
        """Return a pipeline behind the same breaker."""
        pipeline = GuardedPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)
        pipeline.breaker = self.breaker
        return pipeline


class RedisCache(DjangoRedisCache):
    """django-redis with short timeouts, no retries, and a circuit breaker shared by all threads of the process.

    While Redis is unavailable, reads find nothing and writes do nothing.
    """

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        given: Mapping[str, Any] = params.get("OPTIONS", {})
        name = f"{server} {params.get('KEY_PREFIX', '')} {params.get('VERSION', '')}"
        self.breaker = _breakers.setdefault(name, Breaker(self._start_era))
        options = {
            "SOCKET_CONNECT_TIMEOUT": TIMEOUT,
            "SOCKET_TIMEOUT": TIMEOUT,
            "IGNORE_EXCEPTIONS": True,
            "SERIALIZER": "keystone.caching.signed.SignedPickle",
            **given,
            "CONNECTION_POOL_KWARGS": {
                "retry": Retry(NoBackoff(), 0),
                "redis_connect_func": self._meet,
                **given.get("CONNECTION_POOL_KWARGS", {}),
            },
            "REDIS_CLIENT_CLASS": "keystone.caching.backend.GuardedRedis",
            "REDIS_CLIENT_KWARGS": {"breaker": self.breaker},
        }
        super().__init__(server, {**params, "OPTIONS": options})

    def renew(self, keys: Iterable[str]) -> None:
        """Set a new version for all of these keys at once. If that fails, the breaker opens (see `Breaker`)."""
        try:
            self.client.get_client(write=True).mset({self.client.make_key(key): new_version() for key in keys})
        except (ConnectionInterrupted, RedisError) as error:
            self.breaker.fail(error)

    def _meet(self, connection: AbstractConnection) -> None:
        """Check on every new connection, before reading, that the server is still the same.

        A server that was restarted from a snapshot, or that replaced another one, may have lost versions. No command
        fails then, because the client reconnects by itself. So everything in the cache is invalidated.
        """

        def ask(*command: str | int) -> str:
            connection.send_command(*command)  # type: ignore[no-untyped-call]  # the client has no types here
            said = connection.read_response()
            return said.decode() if isinstance(said, bytes) else str(said)

        connection.on_connect()  # type: ignore[no-untyped-call]  # likewise
        info, known = "", self.client.make_key(RUN)
        with suppress(ResponseError):  # unknown if this user may not run INFO
            info = ask("INFO", "server")
        try:
            if (run := RUN_ID.search(info)) and ask("GET", known) != run[1]:
                ask("MSET", self.client.make_key(ERA), new_version(), known, run[1])
        except ResponseError as error:
            raise RedisConnectionError(str(error)) from error  # don't read from a server that rejects writes

    def _start_era(self) -> None:
        """Reconnect and invalidate everything in the cache. Bypasses the breaker, which calls it."""
        pool = self.client.get_client(write=True).connection_pool
        pool.disconnect(inuse_connections=False)  # old connections may be dead
        Redis(connection_pool=pool).set(self.client.make_key(ERA), new_version())


@contextmanager
def _guarded(breaker: Breaker, client: Redis) -> Iterator[None]:
    """Turn connection errors into the exception that django-redis ignores in each of its methods."""
    if breaker.is_open:
        raise ConnectionInterrupted(connection=client) from NotAskedError("It did not answer a moment ago.")
    try:
        yield
    except AWAY as error:
        breaker.fail(error)
        raise ConnectionInterrupted(connection=client) from error
