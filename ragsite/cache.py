"""Django's Redis cache, made safe to keep beside a queue: JSON instead of pickle, and no FLUSHDB."""

import json
from typing import Any

from django.conf import settings
from django.core.cache.backends.redis import RedisCache
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry


def cache_connection() -> Redis:
    """Where the cache is, without the retries that Django's own connections make: for whoever must know soon."""
    entry: dict[str, Any] = settings.CACHES["default"]
    options = {name: value for name, value in entry["OPTIONS"].items() if name != "serializer"}
    return Redis.from_url(entry["LOCATION"], retry=Retry(NoBackoff(), 0), **options)


class JSONSerializer:
    """Values must be JSON. Counters stay plain integers, so that Redis can increment them."""

    def dumps(self, value: Any) -> bytes | int:
        return value if type(value) is int else json.dumps(value, separators=(",", ":")).encode()

    def loads(self, value: bytes) -> Any:
        return json.loads(value)


class PrefixedCache(RedisCache):
    """Clears only what stands under its own prefix: the same database may hold the queue."""

    def clear(self) -> None:
        client = self._cache.get_client(None, write=True)
        for key in client.scan_iter(match=f"{self.key_prefix}:*", count=1000):
            client.unlink(key)

    def run_script(self, script: str, keys: list[str], values: list[int]) -> Any:
        """What the Lua script returns. It runs as one step: nobody reads or writes the keys meanwhile."""
        client = self._cache.get_client(None, write=True)
        return client.eval(script, len(keys), *map(self.make_key, keys), *values)

    def note(self, name: str, key: str, seconds: int) -> None:
        """Remember under `name` that this key is of its kind, so that all of them can be deleted together."""
        client, names = self._cache.get_client(None, write=True), self.make_key(name)
        client.sadd(names, self.make_key(key))
        client.expire(names, seconds)

    def delete_noted(self, name: str) -> None:
        """Delete every key that was noted under `name`."""
        client, names = self._cache.get_client(None, write=True), self.make_key(name)
        if keys := client.smembers(names):
            client.unlink(*keys)
        client.unlink(names)
