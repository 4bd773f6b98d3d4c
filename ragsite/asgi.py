"""The ASGI application: Django behind health checks, request logging and body limits, with start-up and shutdown."""

from __future__ import annotations

import asyncio
import os
import resource
from concurrent.futures import ThreadPoolExecutor

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ragsite.settings")

import django

django.setup(set_prefix=False)

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.urls import set_script_prefix

from documents.models import Index
from qa import streaming
from ragsite import health, llm
from ragsite.database import in_thread
from ragsite.http.access_log import log_request
from ragsite.http.bodies import limit_body
from ragsite.http.handler import Handler
from ragsite.http.responses import Receive, Scope, Send, adding_headers, send_response
from ragsite.operations import metrics

THREADS = 64
MAX_FILES = 65_536
SHUTDOWN_SECONDS = 10  # for running answers

django_application = Handler()


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["type"] == "http":
        scope = with_url_prefix(scope)
        # Responses sent before Django's handler runs need the prefix too.
        set_script_prefix(scope["root_path"] or "/")
        send = adding_headers(scope, send)
        if not await answer_directly(scope, send):
            await log_request(limited_django, scope, receive, send)
    # Websockets are not supported; the server closes them.


def with_url_prefix(scope: Scope) -> Scope:
    """Add URL_PREFIX to the path unless the proxy left it there: Django expects it."""
    prefix, path = settings.URL_PREFIX, scope["path"]
    if prefix and not f"{path}/".startswith(f"{prefix}/"):
        path = prefix + path
    return {**scope, "path": f"{prefix}/" if prefix and path == prefix else path, "root_path": prefix}


async def answer_directly(scope: Scope, send: Send) -> bool:
    """Answer health checks, and scrapers that send the metrics token, without Django; return whether that was done.

    The platform sends them to the machine's address over plain HTTP, so ALLOWED_HOSTS and the redirect to HTTPS must
    not apply. A health check also answers while all of Django's threads are busy.
    """
    path = scope["path"].removeprefix(settings.URL_PREFIX)
    if path in health.PATHS:
        status, body = await health.answer(path)
        await send_response(scope, send, JsonResponse(body, status=status))
        return True
    authorization = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
    if path == metrics.PATH and metrics.has_token(authorization):
        text = await in_thread(metrics.exposition)()
        await send_response(scope, send, HttpResponse(text, content_type=metrics.CONTENT_TYPE))
        return True
    return False


async def limited_django(scope: Scope, receive: Receive, send: Send) -> None:
    await limit_body(django_application, scope, receive, send)


def allow_many_files() -> None:
    """Raise the soft limit on open files, often 1,024: an answer needs a connection to its reader and one to the model."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MAX_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


async def lifespan(receive: Receive, send: Send) -> None:
    """Load the models at start-up; at shutdown let running answers finish, and mark the others as interrupted."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            allow_many_files()
            # Python's default is six threads on two cores, and slow embedding calls would delay the saving of answers.
            asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, "ragsite"))
            await llm.warm(await in_thread(Index.objects.live_model)())
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await streaming.finish_running_answers(SHUTDOWN_SECONDS)
            await send({"type": "lifespan.shutdown.complete"})
            return
