"""Build the settings of the cache and of RQ's queues, both in Redis. Values are JSON; nothing is unpickled."""

from typing import Any

from ragsite.configuration.environment import with_query
from ragsite.redis import connect_beside_the_queue, prefixing_pool

# In the order in which workers poll them: a scan cannot be searched before OCR, whereas a summary can wait.
QUEUES = ("documents", "fetch", "ocr", "summaries")


def fail_fast(url: str) -> str:
    """The URL with time-outs of a second, unless it has its own."""
    return with_query(url, socket_timeout="1", socket_connect_timeout="1")


def cache_settings(url: str, prefix: str, *, may_share_database: bool) -> dict[str, Any]:
    """The entry of CACHES. `may_share_database`: fall back to the queue's database if Redis has no next one."""
    options: dict[str, Any] = {"serializer": "ragsite.cache.JSONSerializer"}
    if may_share_database:
        options["redis_connect_func"] = connect_beside_the_queue
    return {
        "BACKEND": "ragsite.cache.PrefixedCache",
        "LOCATION": fail_fast(url),
        "KEY_PREFIX": f"{prefix}:cache",
        "TIMEOUT": 24 * 3600,
        "OPTIONS": options,
    }


def queue_settings(url: str, prefix: str, *, job_timeout: int) -> dict[str, dict[str, Any]]:
    """RQ_QUEUES, which share one connection pool."""
    pool = prefixing_pool(url, prefix) if url else None
    return {
        name: {
            # The pool holds address and prefix: django-rq accepts either an address or client options.
            "HOST": "",
            "PORT": 0,
            "REDIS_CLIENT_KWARGS": {"connection_pool": pool},
            "DEFAULT_TIMEOUT": job_timeout,
            "SERIALIZER": "rq.serializers.JSONSerializer",
        }
        for name in QUEUES
    }
