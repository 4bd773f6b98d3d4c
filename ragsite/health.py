"""What a platform asks: is the process alive, and can it do its work?"""

from __future__ import annotations

from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, JsonResponse
from redis.exceptions import RedisError

from documents.jobs import queue_connection, workers_alive
from ragsite import __version__


def alive(request: HttpRequest) -> JsonResponse:
    """The process answers. Says nothing of its parts."""
    return JsonResponse({"status": "alive", "version": __version__})


def ready(request: HttpRequest) -> JsonResponse:
    """Each part, in under a second or so; 503 when one that a question needs is away. Never calls the provider."""
    parts = {"database": database_answers(), "queue": queue_answers(), "cache": cache_answers()}
    workers = workers_alive() if parts["queue"] else 0
    status = 200 if parts["database"] and parts["queue"] else 503
    return JsonResponse(
        {"ready": status == 200, **parts, "workers": workers, "version": __version__}, status=status
    )


def database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("select 1")
    except Exception:  # whatever it says, it does not answer
        return False
    return True


def queue_answers() -> bool:
    try:
        return bool(queue_connection().ping())
    except RedisError:
        return False


def cache_answers() -> bool:
    try:
        cache.get("ready")
    except RedisError:
        return False
    return True
