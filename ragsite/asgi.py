"""What the web server runs: Django, with the bodies of requests watched and the server's start and stop attended to; and,
before it, the answers to the platform's probes."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ragsite.settings")

from django.core.asgi import get_asgi_application

django_application = get_asgi_application()

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.urls import set_script_prefix

from documents.models import Index
from qa import streaming
from ragsite import health, llm, logs
from ragsite.database import in_thread
from ragsite.http import answers, bodies
from ragsite.http.answers import Receive, Scope, Send
from ragsite.operations import metrics

THREADS = 64
SECONDS_TO_FINISH = 10  # running answers get so long when the server stops


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["type"] == "http":
        scope = under_prefix(scope)
        set_script_prefix(
            scope["root_path"] or "/"
        )  # also for what is answered before Django's handler does so
        send = answers.with_headers(scope, send)
        if not await answered_before_django(scope, send):
            await logs.logged(limited, scope, receive, send)
    # Websockets are not spoken here; the server closes them.


def under_prefix(scope: Scope) -> Scope:
    """The path with URL_PREFIX before it, whether the proxy passed that on or took it away: Django expects it there."""
    prefix, path = settings.URL_PREFIX, scope["path"]
    if prefix and not f"{path}/".startswith(f"{prefix}/"):
        path = prefix + path
    return {**scope, "path": f"{prefix}/" if prefix and path == prefix else path, "root_path": prefix}


async def answered_before_django(scope: Scope, send: Send) -> bool:
    """Probes, and scrapers that bring the token.

    They come from inside the platform, by the machine's address and over plain HTTP, every few seconds: neither
    ALLOWED_HOSTS nor the way to HTTPS may refuse them, and a probe is answered while every thread that requests are
    answered in is stuck.
    """
    path = scope["path"].removeprefix(settings.URL_PREFIX)
    if path in health.PATHS:
        status, body = await health.answer(path)
        await answers.respond(scope, send, JsonResponse(body, status=status))
        return True
    authorization = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
    if path == metrics.PATH and metrics.is_token(authorization):
        text = await in_thread(metrics.exposition)()
        await answers.respond(scope, send, HttpResponse(text, content_type=metrics.CONTENT_TYPE))
        return True
    return False


async def limited(scope: Scope, receive: Receive, send: Send) -> None:
    await bodies.guarded(django_application, scope, receive, send)


async def lifespan(receive: Receive, send: Send) -> None:
    """Start: what the first question would otherwise wait for. Stop: running answers may end, the rest are marked interrupted."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            # More threads than Python's six on two cores: a slow embedder must not hold up the saving of running answers.
            asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, "ragsite"))
            await llm.warm(await in_thread(Index.objects.live_model)())
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await streaming.finish_running_answers(SECONDS_TO_FINISH)
            await send({"type": "lifespan.shutdown.complete"})
            return
