"""Health checks for the platform: is the process alive, and is the site ready?"""

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
from ragsite.cache import connect_to_cache

logger = logging.getLogger("ragsite.health")

CHECK_SECONDS = 0.7  # for all checks together: many platforms give up after one second

Answer = tuple[int, dict[str, Any]]


async def answer(path: str) -> Answer:
    """Status and body for one of `PATHS`, even if all threads are busy or other services are down."""
    return await PATHS[path]()


async def alive() -> Answer:
    """The process responds; other services are not checked."""
    return 200, {"status": "alive", "version": __version__}


async def ready() -> Answer:
    """The state of each service in under a second, even if one hangs; 503 if database or queue is down.

    The provider is never called. Missing workers or clock are reported with status 200: the site can still answer.
    """
    parts = await _shared_check()
    is_ready = bool(parts["database"] and parts["queue"])
    if not is_ready:
        logger.warning("not ready: %s", " ".join(f"{name}={value}" for name, value in parts.items()))
    return 200 if is_ready else 503, {"ready": is_ready, **parts, "version": __version__}


PATHS: dict[str, Callable[[], Any]] = {"/healthz": alive, "/readyz": ready}


async def view(request: HttpRequest) -> JsonResponse:
    """The same as a Django view, for servers that do not run `ragsite.asgi`."""
    status, body = await answer(request.path_info)
    return JsonResponse(body, status=status)


_running_checks: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Task[dict[str, Any]]] = (
    WeakKeyDictionary()
)


async def _shared_check() -> dict[str, Any]:
    """Concurrent requests share one check, so that health checks cannot exhaust the database's connections."""
    loop = asyncio.get_running_loop()
    check = _running_checks.get(loop)
    if check is None or check.done():
        check = _running_checks[loop] = loop.create_task(_check_services())
    return await asyncio.shield(check)


async def _check_services() -> dict[str, Any]:
    checks: dict[str, asyncio.Task[Any]] = {
        "database": asyncio.create_task(database_answers()),
        "queue": asyncio.create_task(asyncio.to_thread(queue_state)),
        "cache": asyncio.create_task(asyncio.to_thread(cache_answers)),
    }
    await asyncio.wait(checks.values(), timeout=CHECK_SECONDS)
    for check in checks.values():
        check.cancel()  # not awaited: psycopg takes seconds to cancel a connection that hangs
    found: dict[str, Any] = {
        name: check.result() if _has_succeeded(check) else None for name, check in checks.items()
    }
    queue = found["queue"] or {"queue": False, "workers": None, "clock": None}
    return {"database": bool(found["database"]), "cache": bool(found["cache"]), **queue}


def _has_succeeded(check: asyncio.Task[Any]) -> bool:
    return check.done() and not check.cancelled() and check.exception() is None


async def database_answers() -> bool:
    """Whether the database answers on a new connection: slow requests may occupy the whole pool."""
    parameters = connection.get_connection_params()
    for name in ("cursor_factory", "context"):  # used by Django's connection class only
        parameters.pop(name, None)
    try:
        async with await psycopg.AsyncConnection.connect(**parameters, autocommit=True) as own:
            await own.execute("select 1")
    except psycopg.Error:
        return False
    return True


def queue_state() -> dict[str, Any] | None:
    """Queue, workers and clock; None if Redis does not answer. Short time-outs limit it to a second."""
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
    """Without retries: the thread of a check must end soon."""
    return connect_to_cache()
