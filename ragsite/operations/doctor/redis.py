"""Checks of the queue's Redis and of the cache."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from django.core.cache import cache
from django.utils.translation import gettext as _
from redis.exceptions import RedisError, ResponseError

from documents.work.queue import queue_connection
from ragsite.cache import connect_to_cache
from ragsite.operations.doctor import processes
from ragsite.operations.doctor.finding import Finding, fail, ok, run_check, warn
from ragsite.redis import is_about_database


def examine() -> Iterator[Finding]:
    yield (queue := run_check("redis", check_queue))
    if not queue.is_bad:
        yield run_check("redis persistence", check_persistence)
        yield run_check("redis eviction", check_eviction)
    yield (separate := run_check("cache", check_cache))
    if not (queue.is_bad or separate.is_bad):
        yield run_check("cache apart", check_separation)
    if not queue.is_bad:
        yield from processes.examine()


def check_queue() -> Finding:
    try:
        queue_connection().ping()
    except RedisError as error:
        if is_about_database(error):
            return _no_such_database("redis", "REDIS_URL")
        sentence = _("The queue's Redis is not responding (%(error)s).") % {"error": type(error).__name__}
        return fail("redis", sentence, _("Start it or correct REDIS_URL; bin/dev starts its own server."))
    version = _info("server").get("redis_version", "")
    return ok("redis", _("Redis %(version)s is running.") % {"version": version})


def _info(section: str) -> dict[str, Any]:
    """Return a section of INFO; empty where a hosted server forbids it."""
    try:
        return dict(queue_connection().info(section))
    except ResponseError:
        return {}


def _configured(name: str) -> str | None:
    """Return a setting of the server; None where a hosted server forbids CONFIG."""
    try:
        return queue_connection().config_get(name).get(name)
    except ResponseError:
        return None


def check_persistence() -> Finding:
    name = "redis persistence"
    info, snapshots = _info("persistence"), _configured("save")
    if info.get("aof_enabled"):
        return ok(name, _("The queue is stored on disk (append-only file)."))
    if snapshots:
        sentence = _(
            "The queue is saved in snapshots: a crash loses the jobs since the last one, until the clock re-queues them."
        )
        return warn(name, sentence, _("Set appendonly yes in the queue's Redis."))
    if snapshots is None:
        sentence = _("The server does not reveal whether the queue is stored on disk.")
        return warn(
            name, sentence, _("Ask its provider for persistence (AOF). The clock re-queues lost jobs.")
        )
    sentence = _(
        "The queue is not stored on disk: a restart of Redis loses it, until the clock re-queues its jobs."
    )
    return warn(name, sentence, _("Set appendonly yes in the queue's Redis."))


def check_eviction() -> Finding:
    name = "redis eviction"
    info = _info("memory")
    policy = info.get("maxmemory_policy") or _configured("maxmemory-policy")
    remedy = _("Set maxmemory-policy noeviction in the queue's Redis.")
    if policy is None:
        return warn(name, _("The server does not reveal its eviction policy."), remedy)
    if policy == "noeviction":
        return ok(name, _("A full Redis refuses writes and evicts nothing (noeviction)."))
    sentence = _("A full Redis evicts jobs (%(policy)s).") % {"policy": policy}
    is_near = bool(info.get("maxmemory")) and policy.startswith("allkeys")
    return fail(name, sentence, remedy) if is_near else warn(name, sentence, remedy)


def check_cache() -> Finding:
    key, value = f"doctor:{uuid4().hex}", uuid4().hex
    try:
        cache.set(key, value, 10)
        is_kept = cache.get(key) == value
        cache.delete(key)
    except RedisError as error:
        if is_about_database(error):
            return _no_such_database("cache", "CACHE_URL")
        sentence = _("The cache is not responding (%(error)s).") % {"error": type(error).__name__}
        return fail("cache", sentence, _("Start its Redis or correct CACHE_URL."))
    if not is_kept:
        return fail("cache", _("The cache loses its entries at once."), _("Give its Redis more memory."))
    return ok("cache", _("The cache is running."))


def _no_such_database(name: str, variable: str) -> Finding:
    """The URL names a database number that the server lacks. Without CACHE_URL, the cache falls back to the queue's."""
    sentence = _("The server lacks the database number in %(variable)s.") % {"variable": variable}
    return fail(name, sentence, _("Use one that exists, such as /0; the keys of the cache have a prefix."))


def check_separation() -> Finding:
    """Compare the servers by a probe key: two URLs may lead to the same database."""
    with connect_to_cache() as other:
        probe = f"ragsite:doctor:{uuid4().hex}"
        queue_connection().set(probe, 1, ex=10)
        is_shared = bool(other.exists(probe))
        queue_connection().delete(probe)
    if not is_shared:
        return ok("cache apart", _("Cache and queue are separate."))
    sentence = _("Cache and queue share one Redis database, separated only by a prefix.")
    remedy = _("Set CACHE_URL to another server or database: a full cache must never evict queued jobs.")
    return warn("cache apart", sentence, remedy)
