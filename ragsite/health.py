"""What a platform asks: is the process alive, and can it do its work?"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from django.db import connection
from django.http import HttpRequest, JsonResponse
from redis import Redis
from redis.exceptions import RedisError

from documents.work.queue import queue_connection, workers_alive
from documents.work.reconciler import clock_alive
from ragsite import __version__
from ragsite.cache import cache_connection

logger = logging.getLogger("ragsite.health")

SECONDS = 0.7  # for all parts together: who asks often gives up after one

Answer = tuple[int, dict[str, Any]]


async def answer(path: str) -> Answer:
    """Status and body for one of `PATHS`. Needs no thread to be free, nor any part of the site to answer."""
    return await PATHS[path]()


async def alive() -> Answer:
    """The process answers. Says nothing of its parts."""
    return 200, {"status": "alive", "version": __version__}


async def ready() -> Answer:
    """Each part, in under a second even when one hangs; 503 when one that a question needs is away.

    Never calls the provider. Workers and clock are reported and change nothing: without them the site still answers.
    """
    parts = await _look_together()
    is_ready = bool(parts["database"] and parts["queue"])
    if not is_ready:
        logger.warning("not ready: %s", " ".join(f"{name}={value}" for name, value in parts.items()))
    return 200 if is_ready else 503, {"ready": is_ready, **parts, "version": __version__}


PATHS: dict[str, Callable[[], Any]] = {"/healthz": alive, "/readyz": ready}


async def view(request: HttpRequest) -> JsonResponse:
    """The same for a server that runs Django without `ragsite.asgi`, which answers these paths by itself."""
    status, body = await answer(request.path_info)
    return JsonResponse(body, status=status)


_looks: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Task[dict[str, Any]]] = WeakKeyDictionary()


async def _look_together() -> dict[str, Any]:
    """Whoever asks while somebody looks already gets the same answer: probes must not use up the database's connections."""
    loop = asyncio.get_running_loop()
    look = _looks.get(loop)
    if look is None or look.done():
        look = _looks[loop] = loop.create_task(_look())
    return await asyncio.shield(look)


async def _look() -> dict[str, Any]:
    looks: dict[str, asyncio.Task[Any]] = {
        "database": asyncio.create_task(database_answers()),
        "queue": asyncio.create_task(asyncio.to_thread(queue_says)),
        "cache": asyncio.create_task(asyncio.to_thread(cache_answers)),
    }
    await asyncio.wait(looks.values(), timeout=SECONDS)
    for look in looks.values():
        look.cancel()  # not waited for: psycopg takes seconds to give up a server that hangs
    found: dict[str, Any] = {
        name: look.result() if _has_ended(look) else None for name, look in looks.items()
    }
    queue = found["queue"] or {"queue": False, "workers": None, "clock": None}
    return {"database": bool(found["database"]), "cache": bool(found["cache"]), **queue}


def _has_ended(look: asyncio.Task[Any]) -> bool:
    return look.done() and not look.cancelled() and look.exception() is None


async def database_answers() -> bool:
    """On a connection of its own: the pool may be used up by requests that hang."""
    parameters = connection.get_connection_params()
    for name in ("cursor_factory", "context"):  # Django's, for its own kind of connection
        parameters.pop(name, None)
    try:
        async with await psycopg.AsyncConnection.connect(**parameters, autocommit=True) as own:
            await own.execute("select 1")
    except psycopg.Error:
        return False
    return True


def queue_says() -> dict[str, Any] | None:
    """None when it does not answer. Takes a second at most: its connection has short time-outs and no retries."""
    try:
        workers = workers_alive(queue_connection())
        return {"queue": True, "workers": workers, "clock": clock_alive()}
    except RedisError:
        return None


def cache_answers() -> bool:
    try:
        return bool(_cache_connection().ping())
    except RedisError:
        return False


@functools.cache
def _cache_connection() -> Redis:
    """A thread that a probe started must end soon."""
    return cache_connection()
