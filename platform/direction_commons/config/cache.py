"""The cache without which everything still works: when Valkey is away, every question is a miss.

Only what may be forgotten goes here (throttles, results that can be made again). A throttle thus fails open:
better that for a minute than nobody can sign in. After a failure Valkey is left alone for some seconds, so
that a request with many questions waits once. Use the alias "valkey" where its absence must be noticed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

import structlog
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)
T = TypeVar("T")


class ForgivingRedisCache(RedisCache):
    pause_seconds = 2.0
    _quiet_until = 0.0

    def _try(self, ask: Callable[[], T], missing: T) -> T:
        if time.monotonic() < type(self)._quiet_until:
            return missing
        try:
            return ask()
        except (RedisError, OSError) as exc:
            type(self)._quiet_until = time.monotonic() + self.pause_seconds
            log.warning("cache.away", error=repr(exc))
            return missing

    def add(self, *args: Any, **kwargs: Any) -> bool:
        # True, "it was not there": who takes a lock this way must not wait for one that nobody can take.
        return self._try(lambda: super(ForgivingRedisCache, self).add(*args, **kwargs), True)

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        return self._try(lambda: super(ForgivingRedisCache, self).get(key, default, version), default)

    def set(self, *args: Any, **kwargs: Any) -> None:
        self._try(lambda: super(ForgivingRedisCache, self).set(*args, **kwargs), None)

    def touch(self, *args: Any, **kwargs: Any) -> bool:
        return self._try(lambda: super(ForgivingRedisCache, self).touch(*args, **kwargs), False)

    def delete(self, *args: Any, **kwargs: Any) -> bool:
        return self._try(lambda: super(ForgivingRedisCache, self).delete(*args, **kwargs), False)

    def has_key(self, *args: Any, **kwargs: Any) -> bool:
        return self._try(lambda: super(ForgivingRedisCache, self).has_key(*args, **kwargs), False)

    def get_many(self, *args: Any, **kwargs: Any) -> dict[Any, Any]:
        return self._try(lambda: super(ForgivingRedisCache, self).get_many(*args, **kwargs), {})

    def set_many(self, data: dict[Any, Any], *args: Any, **kwargs: Any) -> list[Any]:
        return self._try(lambda: super(ForgivingRedisCache, self).set_many(data, *args, **kwargs), list(data))
