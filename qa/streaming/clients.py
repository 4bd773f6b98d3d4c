"""Redis clients, one pair for each event loop, and the Redis keys of an answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from django.conf import settings
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from qa.models import Question
from ragsite.redis import name_of

MAX_PRODUCERS = 8  # the writer and the saver send one command at a time, each for all answers
MAX_CONSUMERS = 5000
PAUSE_SECONDS = 2  # without commands to Redis, after it did not answer


@dataclass(frozen=True)
class Clients:
    producer: Redis
    consumer: Redis


_clients_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, Clients] = WeakKeyDictionary()


def clients() -> Clients:
    """Return the clients of the running event loop, creating them at the first call."""
    loop = asyncio.get_running_loop()
    if loop not in _clients_of_loops:
        # A consumer holds its connection while it waits, so consumers get a separate pool.
        _clients_of_loops[loop] = Clients(
            _client(connections=MAX_PRODUCERS, wait=10), _client(connections=MAX_CONSUMERS, wait=10)
        )
    return _clients_of_loops[loop]


def _client(*, connections: int, wait: float) -> Redis:
    pool = BlockingConnectionPool.from_url(
        settings.STREAM_URL,
        max_connections=connections,
        timeout=wait,
        socket_timeout=wait,
        socket_connect_timeout=1,
        retry=Retry(NoBackoff(), 0),
    )
    return Redis.from_pool(pool)


async def close_clients() -> None:
    """Close the clients of the running event loop."""
    if found := _clients_of_loops.pop(asyncio.get_running_loop(), None):
        await found.producer.aclose()
        await found.consumer.aclose()


def stream_key(name: str) -> str:
    return f"{settings.REDIS_PREFIX}:answer:{name}"


def stop_key(question: Question) -> str:
    return f"{settings.REDIS_PREFIX}:stop:{name_of(question)}"
