"""Settings of the cache and of RQ's queues: separate databases of Redis. Values are JSON; nothing is unpickled."""

from typing import Any

from ragsite.configuration.database import DATABASE
from ragsite.configuration.environment import (
    env,
    env_int,
    env_key_prefix,
    env_redis_url,
    fingerprint,
    next_redis_database,
    parse_database_url,
    required,
    with_query,
)
from ragsite.configuration.paths import EMBEDDED_URLS
from ragsite.configuration.security import SECRET_KEY
from ragsite.redis import connect_beside_the_queue, prefixing_pool

# In the order in which workers poll them: a scan cannot be searched before OCR, whereas a summary can wait.
QUEUES = ("documents", "fetch", "ocr", "summaries")


def fail_fast(url: str) -> str:
    """The URL with time-outs of a second, unless it has its own."""
    return with_query(url, socket_timeout="1", socket_connect_timeout="1")


def cache_settings(url: str, prefix: str, *, may_share_database: bool) -> dict[str, Any]:
    """The entry of CACHES. `may_share_database`: fall back to the queue's database if Redis has no next one."""
    # All threads of a process share these connections.
    options: dict[str, Any] = {"serializer": "ragsite.cache.JSONSerializer", "max_connections": 1000}
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


REDIS_URL = required(
    "REDIS_URL",
    env_redis_url("REDIS_URL", EMBEDDED_URLS.get("REDIS_URL", "")),
    " and no embedded Redis is running. Run bin/dev, or set it.",
)
# Prefix of all keys, so that several sites may share one Redis. It ignores the database's host, which may be a pooler.
DIRECT_DATABASE = parse_database_url("DIRECT_DATABASE_URL", env("DIRECT_DATABASE_URL")) or DATABASE
REDIS_PREFIX = env_key_prefix(
    "REDIS_PREFIX", f"ragsite-{fingerprint(SECRET_KEY, str(DIRECT_DATABASE.get('NAME')))}"
)
QUEUE_URL = fail_fast(REDIS_URL)
STREAM_URL = REDIS_URL
# Managed servers (rediss) often have a single database: there the key prefix separates cache and queue. For other servers
# with a single database, connect_beside_the_queue falls back to the queue's when the cache connects.
CACHE_URL = env_redis_url("CACHE_URL", "") or (
    REDIS_URL if REDIS_URL.startswith("rediss:") else next_redis_database(REDIS_URL)
)
CACHES = {"default": cache_settings(CACHE_URL, REDIS_PREFIX, may_share_database=not env("CACHE_URL"))}
JOB_TIMEOUT = env_int("JOB_TIMEOUT", 3600, 1, 604_800)
RQ_QUEUES = queue_settings(QUEUE_URL if REDIS_URL else "", REDIS_PREFIX, job_timeout=JOB_TIMEOUT)
RQ = {
    "COMMIT_MODE": "auto",  # documents/work/queue.py enqueues after the commit
    "DEFAULT_RESULT_TTL": 86_400,
    "FAILURE_TTL": 30 * 86_400,
    "QUEUE_CLASS": "documents.work.worker.Queue",
    "WORKER_CLASS": "documents.work.worker.Worker",
    "JOB_CLASS": "documents.work.job.Job",
    "SHOW_ADMIN_LINK": True,
}
