"""Django's Redis cache with JSON instead of pickle, and without FLUSHDB, which would empty the queue."""

import json
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from django.utils.functional import cached_property
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


_clients: dict[str, RedisCacheClient] = {}


class PrefixedCache(RedisCache):
    """A cache that clears only its own keys, and can group keys by tag.

    Django makes one for each request and each task; all of a process share their connections.
    """

    _servers: list[str]
    _options: dict[str, Any]
    _class: type[RedisCacheClient]

    @cached_property
    def _cache(self) -> RedisCacheClient:
        settings_of_client = repr((self._servers, sorted(self._options.items())))
        made = self._class(self._servers, **self._options)
        return _clients.setdefault(settings_of_client, made)

    def count(self, key: str, seconds: int) -> int:
        """Add one to the counter and return it; it is forgotten after that many seconds."""
        pipe = self._cache.get_client(None, write=True).pipeline(transaction=False)
        pipe.incr(self.make_key(key))
        pipe.expire(self.make_key(key), seconds)
        counted: int = pipe.execute()[0]
        return counted

    def clear(self) -> None:
        client = self._cache.get_client(None, write=True)
        for key in client.scan_iter(match=f"{self.key_prefix}:*", count=1000):
            client.unlink(key)

    def run_script(self, script: str, keys: list[str], values: list[int]) -> Any:
        """Run a Lua script atomically and return its result."""
        client = self._cache.get_client(None, write=True)
        return client.eval(script, len(keys), *map(self.make_key, keys), *values)

    def set_tagged(self, key: str, value: Any, seconds: int, *, names: Iterable[str]) -> None:
        """Set the key with these tags, by each of which delete_tagged() deletes it, in one round trip."""
        pipe = self._cache.get_client(None, write=True).pipeline(transaction=False)
        for name in map(self.make_key, names):
            pipe.sadd(name, self.make_key(key))
            pipe.expire(name, seconds)
        pipe.set(self.make_key(key), JSONSerializer().dumps(value), ex=seconds)
        pipe.execute()

    def delete_tagged(self, name: str) -> None:
        """Delete every key with the tag `name`."""
        client, names = self._cache.get_client(None, write=True), self.make_key(name)
        if keys := client.smembers(names):
            client.unlink(*keys)
        client.unlink(names)
