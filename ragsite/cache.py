"""Django's Redis cache with JSON instead of pickle, and without FLUSHDB, which would empty the queue."""

import json
from typing import Any

from django.conf import settings
from django.core.cache.backends.redis import RedisCache
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry


def connect_to_cache() -> Redis:
    """A connection to the cache's Redis without retries, for health checks."""
    entry: dict[str, Any] = settings.CACHES["default"]
    options = {name: value for name, value in entry["OPTIONS"].items() if name != "serializer"}
    return Redis.from_url(entry["LOCATION"], retry=Retry(NoBackoff(), 0), **options)


class JSONSerializer:
    """Serialize values as JSON. Integers stay plain, so that Redis can increment them."""

    def dumps(self, value: Any) -> bytes | int:
        return value if type(value) is int else json.dumps(value, separators=(",", ":")).encode()

    def loads(self, value: bytes) -> Any:
        return json.loads(value)


class PrefixedCache(RedisCache):
    """A cache that clears only its own keys, and can group keys by tag."""

    def clear(self) -> None:
        client = self._cache.get_client(None, write=True)
        for key in client.scan_iter(match=f"{self.key_prefix}:*", count=1000):
            client.unlink(key)

    def run_script(self, script: str, keys: list[str], values: list[int]) -> Any:
        """Run a Lua script atomically and return its result."""
        client = self._cache.get_client(None, write=True)
        return client.eval(script, len(keys), *map(self.make_key, keys), *values)

    def tag(self, name: str, key: str, seconds: int) -> None:
        """Add the key to the tag `name`, so that delete_tagged() deletes it."""
        client, names = self._cache.get_client(None, write=True), self.make_key(name)
        client.sadd(names, self.make_key(key))
        client.expire(names, seconds)

    def delete_tagged(self, name: str) -> None:
        """Delete every key with the tag `name`."""
        client, names = self._cache.get_client(None, write=True), self.make_key(name)
        if keys := client.smembers(names):
            client.unlink(*keys)
        client.unlink(names)
